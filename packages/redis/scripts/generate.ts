import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const root = new URL("../lua/", import.meta.url);

/** Puts the Lua files into a module, each part that scripts share once, so that the package is complete without them. */
export function generate(): string {
  const parts = filesIn("shared/").map((name) => `const ${camel(name)}Part = ${literal(`shared/${name}`)};\n`);
  const scripts = filesIn("").map((name) => `  ${camel(name)}: ${literal(name)} as string,`);
  return [
    "// Generated from lua/ by scripts/generate.ts: edit those files, then run `npm run generate`.\n",
    ...parts,
    "/** The scripts, by name. */",
    `export const scripts = {\n${scripts.join("\n")}\n};\n`,
  ].join("\n");
}

function filesIn(folder: string): string[] {
  const files = readdirSync(new URL(folder, root)).filter((file) => file.endsWith(".lua"));
  return files.sort().map((file) => file.replace(/\.lua$/, ""));
}

/** The text of a file without its comments, as a template literal, so that changes of the Lua are readable in it too. */
function literal(file: string): string {
  const text = readFileSync(new URL(`${file}.lua`, root), "utf8")
    .replaceAll("\\", "\\\\")
    .replaceAll("`", "\\`")
    .replaceAll("${", "\\${")
    .replace(/^ *-- @include (.+)$/gm, (_, part: string) => `\${${camel(part)}Part}`)
    .replace(/^ *--.*\n/gm, "")
    .replace(/\n{2,}/g, "\n");
  return `\`${text.trim()}\``;
}

function camel(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

export const target: URL = new URL("../src/generated/lua.ts", import.meta.url);

if (import.meta.main) writeFileSync(target, generate());
