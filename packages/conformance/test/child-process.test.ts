import { isKeyValueError } from "@revkv/api";
import { expect, test } from "vitest";
import type { ChildOpening } from "../src/harness.ts";
import { argumentsOfNode, startProcess, withProcesses } from "../src/process/child-process.ts";
import { violations } from "../src/process/linearizability.ts";

const opening: ChildOpening = { module: new URL("memory-child.ts", import.meta.url).href, args: ["child"] };

test("a process carries out commands on a storage of its own", async () => {
  await withProcesses(opening, 1, async ([other]) => {
    expect(await other?.ask("put", "bucket", "key", "value")).toMatchObject({ kind: "write", revision: 1 });
    expect(await other?.ask("newest", "bucket", "key")).toMatchObject({ kind: "read", revision: 1, value: "value" });
  });
});

test("what it records in a race on one manager is linearizable", async () => {
  await withProcesses(opening, 1, async ([other]) => {
    const keys = ["a", "b", "c"];
    const plans = [1, 2, 3, 4].map((seed) => ({ bucket: "bucket", keys, operations: 200, name: `${seed}`, seed }));
    const parts = await Promise.all(plans.map((plan) => other?.ask("race", plan) ?? []));
    const history = parts.flat();
    expect(history).toHaveLength(800);
    expect(new Set(history.map((one) => one.kind))).toEqual(new Set(["write", "read", "absent"]));
    expect(violations(history, { whole: true })).toEqual([]);
  });
});

test("counting and watching give one history", async () => {
  await withProcesses(opening, 1, async ([other]) => {
    await other?.ask("watch", "bucket", ">");
    const counted = await Promise.all(
      [1, 2].map(() => other?.ask("count", { bucket: "bucket", keys: ["a"], increments: 10 })),
    );
    const seen = (await other?.ask("watched", "bucket", 20)) ?? [];
    expect(seen.map((one) => one.value)).toEqual(Array.from({ length: 20 }, (_, index) => `${index + 1}`));
    expect(violations([...counted.flatMap((one) => one ?? []), ...seen], { whole: true })).toEqual([]);
  });
});

test("an error keeps its code on the way", async () => {
  await withProcesses(opening, 1, async ([other]) => {
    const error: unknown = await other?.ask("put", "missing", "key", "value").catch((reason: unknown) => reason);
    expect(isKeyValueError(error, "BUCKET_NOT_FOUND")).toBe(true);
  });
});

test("a process that is killed fails what it was asked for", async () => {
  const other = await startProcess(opening);
  const storm = other.ask("storm", "bucket", "key");
  const failed = expect(storm).rejects.toThrow(/ended \(SIGKILL\) before it answered/);
  await expect.poll(() => other.acknowledged.length).toBeGreaterThan(0);
  await other.kill();
  await failed;
});

test("a process that cannot open the storage says why", async () => {
  const wrong = { ...opening, module: new URL("no-such-module.ts", import.meta.url).href };
  await expect(startProcess(wrong)).rejects.toThrow(/no-such-module/);
});

test("a process that has left exits by itself", async () => {
  await withProcesses(opening, 1, async ([other]) => {
    await other?.ask("leave", "bucket");
    expect(await other?.exited()).toBe(0);
  });
});

test("what Node was started with is passed on to other processes, with its values", () => {
  const own = ["--conditions=@revkv/source", "-C", "custom", "--import", "./loader.js", "--require=./hook.cjs"];
  const more = ["--experimental-strip-types", "--loader", "x", "-r", "y", "--enable-source-maps", "--expose-gc"];
  expect(argumentsOfNode([...own, ...more])).toEqual([...own, ...more]);
});

test("an inspector, and code to evaluate or to print, stay behind, with their values", () => {
  const inspector = ["--inspect", "--inspect=9229", "--inspect-brk=0", "--inspect-port", "9230", "--debug-port=1"];
  const code = ["-e", "f()", "--eval", "g()", "--eval=h()", "-p", "1", "--print", "2", "-pe", "3"];
  const conditions = "--conditions=@revkv/source";
  expect(argumentsOfNode([...inspector, conditions, ...code])).toEqual([conditions]);
});

test("from source, other processes find the source too", () => {
  expect(argumentsOfNode(["--import", "./loader.js"])).toEqual([
    "--import",
    "./loader.js",
    "--conditions=@revkv/source",
  ]);
});
