import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

interface Lock {
  readonly packages: Readonly<Record<string, { readonly gypfile?: boolean }>>;
}

test("the lock file tells npm to compile nothing: better-sqlite3 brings its binaries along", async () => {
  // npm before 11 runs node-gyp for a package with a binding.gyp, which fails where there is no Python, unless the lock
  // file says that it is none. npm drops the line when it writes the file anew: put `"gypfile": false` back then.
  const lock = JSON.parse(await readFile(new URL("../../../package-lock.json", import.meta.url), "utf8")) as Lock;
  expect(lock.packages["node_modules/better-sqlite3"]?.gypfile).toBe(false);
});
