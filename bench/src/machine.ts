import { readFile } from "node:fs/promises";
import os from "node:os";

/** The machine that measured, in one line. */
export function machine(): string {
  const memory = Math.round(os.totalmem() / 2 ** 30);
  return `${os.availableParallelism()} cores, ${memory} GiB of memory, ${os.type()} ${os.arch()}, Node.js ${process.versions.node}`;
}

/** Packages with their versions. */
export async function versions(packages: readonly string[]): Promise<string> {
  const found = packages.map(async (name) => {
    const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    const { version } = JSON.parse(await readFile(file, "utf8")) as { readonly version: string };
    return `${name} ${version}`;
  });
  return (await Promise.all(found)).join(", ");
}
