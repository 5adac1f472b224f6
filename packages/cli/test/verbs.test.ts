import { beforeAll, describe, expect, test } from "vitest";
import { json, printed, revkv } from "./revkv.ts";
import { sqliteStore, stores } from "./stores.ts";

describe.each(stores)("$name", { timeout: 240_000 }, ({ open, isFull }) => {
  let store: { env: { REVKV_STORE: string } };
  beforeAll(async () => {
    store = { env: { REVKV_STORE: await open() } };
    await printed(["add", "shared", "--history", "5", ...(isFull ? ["--marker-ttl", "1m"] : [])], store);
  }, 120_000);

  test("add, edit, info and ls administer buckets", async () => {
    const flags = ["--description", "for tests", "--history", "3", "--ttl", "2h30m", "--max-value-size", "64KB"];
    const more = ["--metadata", "a=1", "--marker-ttl", "10s", "--metadata", "b=x=y", "--max-bucket-size", "1MB"];
    const [added] = await json(["new", "config", ...flags, ...(isFull ? more : [])], store);
    const config = {
      description: "for tests",
      history: 3,
      ttl: 9_000_000,
      maxValueSize: 65_536,
      compression: false,
      metadata: isFull ? { a: "1", b: "x=y" } : {},
      ...(isFull ? { limitMarkerTtl: 10_000, maxBytes: 1_048_576 } : {}),
    };
    expect(added).toMatchObject({ bucket: "config", values: 0, lastRevision: 0, config });
    const { ttl: _, ...rest } = config;
    const [edited] = await json(["edit", "config", "--ttl", "none", "--history", "4"], store);
    expect(edited?.["config"]).toEqual({ ...rest, history: 4 });
    expect((await json(["status", "config"], store))[0]).toEqual(edited);
    expect((await json(["ls"], store)).map(({ bucket }) => bucket)).toEqual(["config", "shared"]);
    expect(await printed(["list", "-n"], store)).toBe("config\nshared\n");
    expect(await printed(["info", "config"], store)).toContain("Maximum Value Size: 64 KB\n");
    expect(await printed(["ls"], store)).toMatch(/│ config +│ for tests +│/);
    expect((await json(["info"], store))[0]).toMatchObject({ buckets: 2, capabilities: { transactions: isFull } });
    const [bare] = await json(
      ["edit", "config", "--description", "", ...(isFull ? ["--metadata", "none"] : [])],
      store,
    );
    expect(bare?.["config"]).toEqual({ ...rest, history: 4, metadata: {}, description: undefined });
    expect(await json(["rm", "config", "-f"], store)).toEqual([{ bucket: "config", deleted: true }]);
    expect((await revkv(["info", "config"], store)).code).toBe(3);
  });

  test("put, get, create, update, history and revert work on one key", async () => {
    expect(await printed(["put", "shared", "a", "one"], store)).toMatch(/^shared > a revision: \d+\n$/);
    const [{ revision = 0 } = {}] = await json(["history", "shared", "a"], store);
    expect(await printed(["get", "shared", "a"], store)).toMatch(/^shared > a revision: \d+ created @ .*\n\none\n$/);
    expect((await revkv(["create", "shared", "a", "two"], store)).code).toBe(4);
    expect((await revkv(["update", "shared", "a", "two", "99999"], store)).code).toBe(4);
    await printed(["update", "shared", "a", "two", `${revision}`], store);
    const [{ revision: second = 0 } = {}] = await json(["get", "shared", "a"], store);
    await printed(["update", "shared", "a", `${second}`], { ...store, stdin: "from\nstdin" });
    expect(await printed(["get", "shared", "a", "--raw"], store)).toBe("from\nstdin");
    expect(await printed(["get", "shared", "a", "--raw", "--revision", `${revision}`], store)).toBe("one");
    await printed(["revert", "shared", "a", `${revision}`, "-f"], store);
    await printed(["del", "shared", "a", "-f"], store);
    expect((await revkv(["get", "shared", "a"], store)).code).toBe(3);
    await printed(["create", "shared", "a", ...(isFull ? ["--ttl", "1h"] : [])], {
      ...store,
      stdin: Uint8Array.of(0, 255, 10),
    });
    const history = await json(["history", "shared", "a"], store);
    expect(history.map(({ operation, value, base64 }) => [operation, value ?? base64])).toEqual([
      ["PUT", "two"],
      ["PUT", "from\nstdin"],
      ["PUT", "one"],
      ["DEL", undefined],
      ["PUT", "AP8K"],
    ]);
    if (isFull) expect(history[4]?.["expiresAt"]).toMatch(/^20.*Z$/);
    expect(await printed(["history", "shared", "a"], store)).toMatch(/│ from\\nstdin +│/);
    expect(await printed(["get", "shared", "a"], store)).toMatch(/\n\nAP8K\n$/);
    expect(await json(["purge", "shared", "a", "-f", ...(isFull ? ["--ttl", "1h"] : [])], store)).toMatchObject([
      { operation: "PURGE" },
    ]);
    expect(await json(["history", "shared", "a"], store)).toMatchObject([{ operation: "PURGE" }]);
  });

  test("ls, count, del and purge take filters, compact removes what is left", async () => {
    await printed(["add", "many"], store);
    for (const key of ["x.1", "x.2", "y.1", "z"]) await printed(["put", "many", key, key], store);
    expect(await printed(["ls", "many"], store)).toBe("x.1\nx.2\ny.1\nz\n");
    expect(await printed(["ls", "many", "x.*", "z"], store)).toBe("x.1\nx.2\nz\n");
    expect(await printed(["ls", "many", "-v", "--display-value"], store)).toMatch(/│ y\.1 +│ \d{4}-.* │ y\.1 +│/);
    expect(await json(["ls", "many", "z", "-v"], store)).toMatchObject([{ key: "z", length: 1 }]);
    expect(await printed(["count", "many", ">"], store)).toBe("4\n");
    expect(await json(["count", "many", "x.*"], store)).toMatchObject([{ keys: 2 }]);
    expect(await json(["del", "many", "--filter", "x.*", "-f"], store)).toMatchObject([{ keys: 2 }]);
    expect(await json(["purge", "many", "-f", "--filter", "y.>", "nobody"], store)).toMatchObject([{ keys: 1 }]);
    expect(await printed(["count", "many"], store)).toBe("1\n");
    expect(await json(["compact", "many", "-f", "--older-than", "0s"], store)).toEqual([
      { bucket: "many", removed: 3 },
    ]);
  });

  test("a lost condition of del and purge is a conflict", async () => {
    await printed(["put", "shared", "c", "1"], store);
    for (const name of ["del", "purge"]) {
      expect(await revkv([name, "shared", "c", "--revision", "99999", "-f"], store)).toMatchObject({
        code: 4,
        stdout: "",
        stderr: expect.stringMatching(/^revkv: key "c" is at revision \d+, expected 99999\n$/) as string,
      });
    }
    expect(await printed(["get", "shared", "c", "--raw"], store)).toBe("1");
  });
});

test("what a terminal would act on in a bucket's description and metadata is escaped", async () => {
  const options = { env: { REVKV_STORE: await sqliteStore.open() } };
  await printed(["add", "b", "--description", "\u001b[31mred\n\u202elast ✓", "--metadata", "n\u0007=v\u009b"], options);
  const info = await printed(["info", "b"], options);
  expect(info).toContain("Description: \\u001b[31mred\\n\\u202elast ✓\n");
  expect(info).toContain("Metadata n\\u0007: v\\u009b\n");
  expect(await printed(["ls"], options)).toContain(" \\u001b[31mred\\n\\u202elast ✓ ");
});
