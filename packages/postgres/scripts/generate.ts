import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** Puts the SQL files into a module, so that the package is complete without them, bundled or not. */
export function generate(): string {
  const root = new URL("../sql/", import.meta.url);
  const read = (folder: string): (readonly [name: string, text: string])[] =>
    readdirSync(new URL(folder, root))
      .sort()
      .map((file) => [file.replace(/\.sql$/, ""), readFileSync(new URL(`${folder}/${file}`, root), "utf8").trim()]);
  const constant = (name: string, files: readonly (readonly [string, string])[]): string =>
    `export const ${name} = {\n${files.map(([key, text]) => `  ${key}: ${literal(text)},`).join("\n")}\n} as const;\n`;
  const camel = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return [
    "// Generated from sql/ by scripts/generate.ts: edit those files, then run `npm run generate`.\n",
    "/** The steps that build the schema, in order, by name. */",
    constant(
      "migrations",
      read("migrations").map(([name, text]) => [JSON.stringify(name), text]),
    ),
    "/** The statements, by name. */",
    constant(
      "queries",
      read("queries").map(([name, text]) => [camel(name), text]),
    ),
  ].join("\n");
}

/** A template literal, so that changes of the SQL are readable in the module too. */
function literal(text: string): string {
  return `\`${text.replaceAll("\\", "\\\\").replaceAll("`", "\\`").replaceAll("${", "\\${")}\``;
}

export const target: URL = new URL("../src/generated/sql.ts", import.meta.url);

if (import.meta.main) writeFileSync(target, generate());
