import { execute } from "./harness.ts";

/** Types of which a statement may bring operators and functions together. */
const types = [
  "smallint",
  "integer",
  "bigint",
  "numeric",
  "text",
  "bytea",
  "boolean",
  "smallint[]",
  "integer[]",
  "bigint[]",
  "text[]",
];

const operators = ["=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "||"];

/** Names of functions that are of use in SQL, most of them for values of any type, by how many arguments they have. */
const functions = {
  one: ["array_agg", "cardinality", "current_setting", "first_value", "lag", "max", "octet_length", "sum", "unnest"],
  two: [
    "array_append",
    "array_cat",
    "array_fill",
    "array_positions",
    "array_to_string",
    "encode",
    "generate_series",
    "pg_advisory_xact_lock",
    "pg_notify",
    "pg_try_advisory_xact_lock",
    "string_agg",
  ],
} as const;

/**
 * Fills the schema `public`, where everybody may create things in older versions of Postgres, with operators and functions
 * that fail when they are called. Where one fits better than Postgres's own, it is called instead.
 */
export async function fillPublic(url: string): Promise<void> {
  await execute(
    url,
    `DO $do$
    DECLARE
      a text;
      b text;
      name text;
      types CONSTANT text[] := ${literal(types)};
      body CONSTANT text := ' RETURNS boolean LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION ''''a stranger was called''''; END''';
    BEGIN
      FOREACH a IN ARRAY types LOOP
        FOREACH name IN ARRAY ${literal(functions.one)} LOOP
          EXECUTE format('CREATE FUNCTION public.%I(%s)', name, a) || body;
        END LOOP;
        FOREACH b IN ARRAY types LOOP
          FOREACH name IN ARRAY ${literal(["stranger", ...functions.two])} LOOP
            EXECUTE format('CREATE FUNCTION public.%I(%s, %s)', name, a, b) || body;
          END LOOP;
          FOREACH name IN ARRAY ${literal(operators)} LOOP
            EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.stranger)', name, a, b);
          END LOOP;
        END LOOP;
      END LOOP;
    END $do$`,
  );
}

function literal(items: readonly string[]): string {
  return `ARRAY['${items.join("', '")}']`;
}
