import { spawn } from "node:child_process";
import { once } from "node:events";
import { needTool } from "@revkv/servers/tool";
import { describe, expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { bucketUrl } from "./bucket-url.ts";
import { holdEntries } from "./held-entries.ts";
import { fill } from "./load.ts";
import { commandLine, endOf, json, printed, revkv, startRevkv } from "./revkv.ts";
import { postgresStore, sqliteStore } from "./stores.ts";

/** Runs the command in a pseudo-terminal of 60 columns, which `script` makes; what it shows is what a person would see. */
function inTerminal(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const quoted = [...commandLine, ...args].map((part) => `'${part}'`).join(" ");
  const program = needTool("script", "bsdutils");
  const child = spawn(program, ["-qec", `stty cols 60 rows 20; exec ${quoted}`, "/dev/null"], {
    env: { PATH: process.env["PATH"], TERM: "xterm-256color", NODE_NO_WARNINGS: "1", ...env },
    stdio: "pipe",
  });
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
  });
  const ended = once(child, "close").then(([code]) => ({ code: code as number, shown }));
  return { child, ended, shown: () => shown };
}

describe("in a terminal", { timeout: 120_000 }, () => {
  test("watch shows what is there and what comes, in colour, and Ctrl-C ends it well", async () => {
    const store = await sqliteStore.open();
    await printed(["add", "flags", "-s", store]);
    await printed(["put", "flags", "a", "1", "-s", store]);
    const { child, ended, shown } = inTerminal(["watch", "flags", "-s", store]);
    await expect.poll(shown).toContain("flags > a @1: 1");
    await printed(["del", "flags", "a", "-f", "-s", store]);
    await expect.poll(shown).toContain("flags > a @2");
    expect(shown()).toContain("\u001b[32mPUT\u001b[39m");
    expect(shown()).toContain("\u001b[31mDEL\u001b[39m");
    child.stdin.write("\u0003");
    expect((await ended).code).toBe(0);
  });

  test("no colour with NO_COLOR", async () => {
    const store = await sqliteStore.open();
    await printed(["add", "flags", "-s", store]);
    const { ended } = inTerminal(["info", "flags", "-s", store], { NO_COLOR: "1" });
    const { code, shown } = await ended;
    expect([code, shown.includes("\u001b[")]).toEqual([0, false]);
  });

  test("tables are as wide as the terminal at most", async () => {
    const store = await sqliteStore.open();
    await printed([
      "add",
      "flags",
      "-s",
      store,
      "--description",
      "a description, far too long for its column ".repeat(3),
    ]);
    const { shown } = await inTerminal(["ls", "-s", store]).ended;
    const lines = shown.trimEnd().split(/\r?\n/);
    expect(lines.map((line) => line.length)).toEqual(lines.map(() => 60));
    expect(shown).toContain("…");
    expect(await printed(["ls", "-s", store])).not.toContain("…");
  });

  test("asks before it deletes, and shows how far a copy has come", async () => {
    const store = await sqliteStore.open();
    const manager = await connect(store);
    await fill(manager, "flags", 20);
    await manager.close();
    const copy = await inTerminal(["copy", bucketUrl(store, "flags"), bucketUrl(store, "other")]).ended;
    expect(copy).toMatchObject({ code: 0, shown: expect.stringContaining("entries,") as string });
    for (const [answer, code, isTold] of [
      ["n\r", 1, true],
      ["\u0004", 1, true],
      ["\u0003", 130, false],
    ] as const) {
      const no = inTerminal(["del", "other", "-s", store]);
      await expect.poll(no.shown).toContain("Delete bucket other? (y/N)");
      no.child.stdin.write(answer);
      const ended = await no.ended;
      expect([ended.code, ended.shown.includes("revkv: nothing was done")]).toEqual([code, isTold]);
      expect(ended.shown).not.toContain("Abort");
    }
    const yes = inTerminal(["del", "other", "-s", store]);
    await expect.poll(yes.shown).toContain("(y/N)");
    yes.child.stdin.write("y\r");
    expect((await yes.ended).code).toBe(0);
    expect(await revkv(["info", "other", "-s", store])).toMatchObject({ code: 3 });
  });
});

describe("interrupted", { timeout: 120_000 }, () => {
  test("a copy ends after the batch in hand, and a reader that goes away is no failure", async () => {
    const [store, target] = [await sqliteStore.open(), await postgresStore.open()];
    const [manager, other] = [await connect(store, { timeout: 60_000 }), await connect(target)];
    await fill(manager, "many", 20_000);
    const copy = await other.createKeyValue({ bucket: "other" });
    const held = await holdEntries(target);
    const child = startRevkv(["copy", bucketUrl(store, "many"), bucketUrl(target, "other"), "--timeout", "60s"]);
    const ended = endOf(child);
    await held.untilWaiting(1);
    child.kill("SIGINT");
    await held.release();
    expect(await ended).toMatchObject({ code: 130, stdout: "", stderr: expect.stringContaining("keeps 1") as string });
    const { lastRevision } = await copy.status();
    expect(lastRevision).toBeGreaterThan(0);
    expect(lastRevision).toBeLessThan((await (await manager.keyValue("many")).status()).values);
    await other.close();

    const reader = startRevkv(["export", "many", "-s", store]);
    const readerEnded = once(reader, "close");
    let stderr = "";
    reader.stderr.on("data", (text) => {
      stderr += String(text);
    });
    await once(reader.stdout, "data");
    reader.stdout.destroy();
    expect([(await readerEnded)[0], stderr]).toEqual([0, ""]);
    await manager.close();
  });

  test("a value or an export that is still to come is not waited for", async () => {
    const store = await sqliteStore.open();
    await printed(["add", "flags", "-s", store]);
    for (const args of [
      ["put", "flags", "a"],
      ["import", "other"],
    ]) {
      const [program = "", ...rest] = commandLine;
      const child = spawn(program, [...rest, ...args, "-s", store], { env: { ...process.env, NODE_NO_WARNINGS: "1" } });
      const ended = endOf(child);
      // It reads when it has taken what a pipe holds, and more.
      const header = `{"type":"revkv-export","version":1,"config":{"bucket":"b"}}\n`;
      await new Promise((resolve) => child.stdin.write(header + " ".repeat(200_000), resolve));
      child.kill("SIGINT");
      expect(await ended).toMatchObject({ code: 130, stdout: "", stderr: "" });
      child.stdin.destroy();
    }
    expect(await printed(["count", "flags", "-s", store])).toBe("0\n");
  });

  test("bench deletes its bucket", async () => {
    const store = await sqliteStore.open();
    const lines = await json(["bench", store, "--for", "50ms"]);
    expect(lines.map(({ name }) => name)).toHaveLength(5);
    expect(await json(["ls", "-s", store])).toEqual([]);
    const child = startRevkv(["bench", store, "--for", "30s", "--json"]);
    const ended = endOf(child);
    await expect.poll(async () => (await json(["ls", "-s", store])).length).toBe(1);
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 130, stderr: "" });
    expect(await json(["ls", "-s", store])).toEqual([]);
  });
});
