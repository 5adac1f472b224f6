import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, test } from "vitest";
import { commandLine, printed, revkv, startRevkv } from "./revkv.ts";
import { sqliteStore, stores, temporaryDirectory } from "./stores.ts";

/** Ports below 1024 that nothing listens on, and where nothing may listen by accident. */
const nowhere = ["postgres://user:secret@127.0.0.1:1/database", "redis://user:secret@127.0.0.1:1"];

describe("a failure is one line on standard error and an exit code", { timeout: 120_000 }, () => {
  let store: { readonly env: Readonly<Record<string, string>> };
  beforeAll(async () => {
    store = { env: { REVKV_STORE: await sqliteStore.open() } };
    await printed(["add", "flags"], store);
    await printed(["put", "flags", "a", "1"], store);
  }, 120_000);

  const cases: readonly (readonly [args: string, code: number, message: RegExp])[] = [
    ["putt flags a 1", 2, /unknown command 'putt' \(Did you mean put\?\)/],
    ["put", 2, /missing required argument 'bucket'/],
    ["ls --colour", 2, /unknown option '--colour'/],
    ["add b --ttl soon", 2, /"soon" is no duration/],
    ["add b --max-value-size big", 2, /"big" is no size/],
    ["add b --history 65", 2, /history is a whole number from 1 to 64/],
    ["add b --marker-ttl 10ms", 2, /--marker-ttl is a whole number of at least 1000/],
    ["add b --max-bucket-size 0", 2, /--max-bucket-size is/],
    ["add flags --max-value-size 5", 4, /--max-value-size is unset, not 5$/m],
    ["add flags --description maxBytes", 4, /description is unset, not "maxBytes"/],
    ["edit maxBytes --history 2", 3, /there is no bucket "maxBytes"/],
    ["add b --metadata novalue", 2, /"novalue" is no metadata/],
    ["add flags --history 5", 4, /bucket "flags" exists with another config/],
    ["add not/a/bucket", 2, /a bucket name has/],
    ["get flags a!", 2, /"a!" is no key/],
    ["get flags nothing", 3, /flags > nothing has no value/],
    ["get flags a --revision 0", 2, /revision/],
    ["get flags a --revision x", 2, /"x" is no revision/],
    ["get flags a --revision 77", 3, /no value of revision 77/],
    ["ls nobucket", 3, /there is no bucket "nobucket"/],
    ["history flags nothing", 3, /no history/],
    ["revert flags a 5 -f", 3, /no value of revision 5/],
    ["update flags a 2 x", 2, /"x" is no revision/],
    ["update flags a", 2, /missing required argument 'revision'/],
    ["update flags a 2 9", 4, /is at revision 1, expected 9/],
    ["create flags a 2", 4, /exists at revision 1/],
    ["put flags b 1 --ttl 5s", 2, /only in a bucket with --marker-ttl, and "flags" has none/],
    ["del flags a", 2, /--force/],
    ["del flags a --filter b -f", 2, /not both/],
    ["purge flags -f", 2, /a key or --filter is needed/],
    ["watch flags --history --updates", 2, /./],
    ["watch flags --revision 77", 1, /./],
    ["bench --for 0", 2, /between 1ms and 1m/],
    ["copy flags nats://token@host", 2, /"nats:\/\/…@host" names no bucket/],
    ["ls -s foo:bar", 2, /"foo:" is no storage that revkv knows/],
    ["ls -s ./some/path", 2, /no storage that revkv knows/],
    ["ls -s sqlite:./missing.db", 3, /there is no database at \.\/missing\.db/],
    ["ls -s nats://127.0.0.1:1", 1, /npm install @revkv\/nats|cannot be reached/],
  ];
  test.concurrent.each(cases)("revkv %s", async (args, code, message) => {
    const ended = await revkv(args.split(" "), { ...store, cwd: await temporaryDirectory() });
    expect(ended).toMatchObject({ code, stdout: "", stderr: expect.stringMatching(/^revkv: [^\n]+\n$/) as string });
    expect(ended.stderr).toMatch(message);
  });

  test.concurrent.each(nowhere)("an unreachable server, and no password is shown: %s", async (url) => {
    const ended = await revkv(["ls", "-s", url]);
    expect(ended).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(/^revkv: [^\n]+\n$/) as string });
    expect(ended.stderr).not.toContain("secret");
  });

  test("a file that is no database", async () => {
    const file = join(await temporaryDirectory(), "text.db");
    await writeFile(file, "this is a text, and not a database".repeat(100));
    const ended = await revkv(["ls", "-s", `sqlite:${file}`]);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/^revkv: [^\n]+\n$/) as string });
  });

  test("with REVKV_DEBUG all there is to know is shown", async () => {
    const { stderr } = await revkv(["ls", "nobucket"], { env: { ...store.env, REVKV_DEBUG: "1" } });
    expect(stderr).toContain("    at ");
  });

  test("an output that takes nothing is a failure, and one that nobody reads is none", async () => {
    const { env } = store;
    const readOnly = openSync(join(await temporaryDirectory(), "output"), constants.O_RDONLY | constants.O_CREAT);
    for (const args of [
      ["ls"],
      ["get", "flags", "a", "--raw"],
      ["export", "flags"],
      ["--help"],
      ["completion", "zsh"],
    ]) {
      const [program = "", ...rest] = commandLine;
      const child = spawn(program, [...rest, ...args], {
        env: { ...process.env, ...env },
        stdio: ["ignore", readOnly, "pipe"],
      });
      const [stderr, [code]] = await Promise.all([text(child.stderr as Readable), once(child, "close")]);
      expect([args, code, stderr]).toEqual([
        args,
        1,
        expect.stringMatching(/^revkv: the output cannot be written: [^\n]+\n$/),
      ]);

      const unread = startRevkv(args, store);
      unread.stdout.destroy();
      const ended = await Promise.all([text(unread.stderr), once(unread, "close")]);
      expect([args, ...ended]).toEqual([args, "", [0, null]]);
    }
    closeSync(readOnly);
  });

  test("help is the help of a verb, too", async () => {
    expect(await printed(["help", "put"])).toBe(await printed(["put", "--help"]));
    expect(await printed(["help"])).toBe(await printed(["--help"]));
  });

  test("no verb at all: the help, on standard error", async () => {
    expect(await revkv([])).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("Usage:") as string });
  });
});

describe.each(stores)("$name: every verb tells that a bucket is missing", { timeout: 120_000 }, ({ open }) => {
  const verbs = ["get b k", "put b k v", "create b k v", "update b k v 1", "del b k -f", "del b -f", "purge b k -f"];
  const more = ["history b k", "revert b k 1 -f", "ls b", "info b", "count b", "compact b -f", "watch b", "edit b"];
  test("exit code 3", async () => {
    const url = await open();
    await printed(["add", "other", "-s", url]);
    const ended = await Promise.all([...verbs, ...more].map((args) => revkv([...args.split(" "), "-s", url])));
    expect(ended.map(({ code, stderr }) => `${code} ${stderr}`)).toEqual(
      ended.map(() => '3 revkv: there is no bucket "b"\n'),
    );
  });
});
