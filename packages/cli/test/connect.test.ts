import { execFile } from "node:child_process";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { isKeyValueError } from "@revkv/api";
import { describe, expect, test } from "vitest";
import { missingPackage } from "../src/adapters.ts";
import { connect } from "../src/index.ts";
import { stores, temporaryDirectory } from "./stores.ts";

describe("connect", () => {
  const memory: Pick<(typeof stores)[number], "name" | "open"> = { name: "memory", open: async () => "memory:" };
  test.each([...stores, memory])("opens $name", async ({ name, open }) => {
    const manager = await connect(await open(), { timeout: 10_000 });
    expect(manager.backingStore).toBe(name);
    const bucket = await manager.createKeyValue({ bucket: "example" });
    expect(await bucket.put("a", "1")).toBe(1);
    await manager.close();
  });

  test("a schema and a prefix in the URL keep buckets apart", async () => {
    for (const [kind, parameter] of [
      ["postgres", "schema"],
      ["redis", "prefix"],
    ]) {
      const url = new URL((await stores.find(({ name }) => name === kind)?.open()) ?? "");
      const names: string[][] = [];
      for (const value of ["one", "other"]) {
        url.searchParams.set(parameter ?? "", `${value}_${process.pid}`);
        const manager = await connect(url.href);
        await manager.createKeyValue({ bucket: value });
        const here: string[] = [];
        for await (const name of manager.keyValueStoreNames()) here.push(name);
        names.push(here);
        await manager.close();
      }
      expect(names).toEqual([["one"], ["other"]]);
    }
  });

  test.each(["", "file.db", "mysql://host/db", "memory://name"])("refuses %j", async (url) => {
    await expect(connect(url)).rejects.toSatisfy((error) => isKeyValueError(error, "INVALID_ARGUMENT"));
  });
});

test("what is not installed is named, with what to type", async () => {
  // A folder as npm makes it, with this package and what it cannot be without.
  const folder = await temporaryDirectory();
  const modules = join(folder, "node_modules");
  await mkdir(join(modules, "@revkv"), { recursive: true });
  await cp("packages/cli/src", join(folder, "src"), { recursive: true });
  await symlink(join(process.cwd(), "packages/api"), join(modules, "@revkv/api"));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  await writeFile(
    join(folder, "main.ts"),
    'import { connect } from "./src/connect.ts"; await connect(process.argv[2]).catch((e) => console.log(e.code, e.message));',
  );
  const run = async (url: string): Promise<string> => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--conditions=@revkv/source", join(folder, "main.ts"), url],
      { cwd: folder },
    );
    return stdout.trim();
  };
  const without = "UNSUPPORTED @revkv";
  expect(await run("postgres://host/db")).toBe(`${without}/postgres is not installed: npm install @revkv/postgres pg`);
  expect(await run("redis://host")).toBe(`${without}/redis is not installed: npm install @revkv/redis ioredis`);
  expect(await run("sqlite:./a.db")).toBe(
    `${without}/sqlite is not installed: npm install @revkv/sqlite better-sqlite3`,
  );
  expect(await run("nats://host")).toMatch(
    `${without}/nats is not installed: npm install @revkv/nats @nats-io/transport-node`,
  );
  // The adapter, but not its client.
  await mkdir(join(modules, "@revkv/postgres"));
  await writeFile(
    join(modules, "@revkv/postgres/package.json"),
    '{"name":"@revkv/postgres","type":"module","exports":"./index.js"}',
  );
  await writeFile(join(modules, "@revkv/postgres/index.js"), 'import "pg";');
  expect(await run("postgres://host/db")).toBe("UNSUPPORTED pg is not installed: npm install pg");

  // The doctor, which asks the client itself, says the same.
  await writeFile(
    join(folder, "main.ts"),
    'import { examine } from "./src/doctor/examine.ts"; for await (const it of examine(process.argv[2])) console.log(it.detail);',
  );
  expect(await run("postgres://host/db")).toBe("pg is not installed: npm install pg");
  expect(await run("redis://host")).toBe("@revkv/redis is not installed: npm install @revkv/redis ioredis");
});

test("what is no missing package is not taken for one", () => {
  expect(missingPackage(new SyntaxError("Cannot find package 'x'"))).toBeUndefined();
});
