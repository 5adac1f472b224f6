import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const root = new URL("../lua/", import.meta.url);

/** Puts the Lua files into a module, shared parts included, so that the package is complete without them. */
export function generate(): string {
  const files = readdirSync(root).filter((file) => file.endsWith(".lua"));
  const scripts = files.sort().map((file) => `  ${camel(file.replace(/\.lua$/, ""))}: ${literal(script(file))},`);
  return [
    "// Generated from lua/ by scripts/generate.ts: edit those files, then run `npm run generate`.\n",
    "/** The scripts, by name. */",
    `export const scripts = {\n${scripts.join("\n")}\n} as const;\n`,
  ].join("\n");
}

/** The text of a script, without its comments. */
function script(file: string): string {
  return readFileSync(new URL(file, root), "utf8")
    .replace(/^ *-- @include (.+)\n/gm, (_, part: string) => script(`shared/${part}.lua`))
    .replace(/^ *--.*\n/gm, "")
    .replace(/\n{2,}/g, "\n")
    .trimStart();
}

function camel(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** A template literal, so that changes of the Lua are readable in the module too. */
function literal(text: string): string {
  return `\`${text.trim().replaceAll("\\", "\\\\").replaceAll("`", "\\`").replaceAll("${", "\\${")}\``;
}

export const target: URL = new URL("../src/generated/lua.ts", import.meta.url);

if (import.meta.main) writeFileSync(target, generate());
