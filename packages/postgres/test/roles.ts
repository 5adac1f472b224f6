import { randomBytes } from "node:crypto";
import { execute } from "./harness.ts";

/** A role that may log in, and nothing else. */
export interface Role extends AsyncDisposable {
  readonly name: string;
  /** Of the database, as this role. */
  readonly url: string;
}

/** Creates a role; disposing of it takes its grants in this database away and drops it. */
export async function createRole(url: string): Promise<Role> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await execute(url, `CREATE ROLE ${name} LOGIN PASSWORD '${name}'`);
  const own = new URL(url);
  own.username = name;
  own.password = name;
  return {
    name,
    url: own.href,
    [Symbol.asyncDispose]: async () => {
      await execute(url, `DROP OWNED BY ${name}; DROP ROLE ${name}`);
    },
  };
}

/** All that a role needs where an administrator has made the schema, and somebody has taken EXECUTE from PUBLIC. */
export function neededGrants(schema: string): readonly string[] {
  const tables = ["bucket", "entry", "dropped_bucket"];
  return [
    `USAGE ON SCHEMA "${schema}"`,
    `SELECT ON "${schema}".migration`,
    ...tables.flatMap((table) =>
      ["SELECT", "INSERT", "UPDATE", "DELETE"].map((privilege) => `${privilege} ON "${schema}".${table}`),
    ),
    `EXECUTE ON ALL FUNCTIONS IN SCHEMA "${schema}"`,
  ];
}
