import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, test } from "vitest";
import { rules } from "../src/rules.ts";

const cli = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const memory = file("./memory-harness.ts");

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as a process of its own. */
function run(...args: string[]): Promise<Ended> {
  return runWith({}, ...args);
}

function runWith(variables: Readonly<Record<string, string>>, ...args: string[]): Promise<Ended> {
  const env = { ...process.env, ...variables };
  return new Promise((resolve) => {
    execFile(process.execPath, ["--conditions=@revkv/source", cli, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

describe.concurrent("revkv-conformance", () => {
  test("exits with 0 when all is right, and says what ran and with which seed", async () => {
    const { code, stdout } = await run(memory, "--only", "K1/good-keys", "--only", "B3", "--seed", "77");
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^ok {2}K1\/good-keys {2}every allowed character works/m);
    assert.match(stdout, /^ok {2}B3\/missing/m);
    assert.doesNotMatch(stdout, /B1\//);
    assert.match(stdout, /^memory: 5 passed \(seed 77\)$/m);
  });

  test("exits with 1 when something failed, in any of several harnesses", async () => {
    const { code, stdout } = await run(file("./fixtures/several-harnesses.ts"), "--only", "K1/good-keys");
    assert.equal(code, 1);
    assert.match(stdout, /^first: 1 passed \(seed \d+\)$/m);
    assert.match(stdout, /^second: 1 failed \(seed \d+\)$/m);
    assert.match(stdout, /K1\/good-keys \(rule K1 · Keys, seed \d+\): is listed as a known gap, but passes/);
  });

  test("exits with 1 when a rejection was left alone", async () => {
    const { code, stdout } = await run(file("./fixtures/unhandled-harness.ts"), "--only", "K1/good-keys");
    assert.equal(code, 1);
    assert.match(stdout, /PROBLEM {2}a rejection that nobody handled \(rule E1\), while no scenario ran/);
    assert.match(stdout, /nobody handles this/);
  });

  test("exits with 1 when something keeps the process alive", async () => {
    const { code, stderr } = await run(file("./fixtures/lingering-harness.ts"), "--only", "K1/good-keys");
    assert.equal(code, 1);
    assert.match(stderr, /something keeps the process alive: .*Timeout/);
  });

  test("exits with 1 when a harness gives no storage, and runs the next one", async () => {
    const { code, stdout } = await run(file("./fixtures/broken-harness.ts"), "--only", "K1/good-keys", "--json");
    assert.equal(code, 1);
    const [first, second] = JSON.parse(stdout);
    assert.match(first.problems[0], /gives no storage.*no server/s);
    assert.deepEqual([first.passed, first.results, second.passed], [false, [], true]);
  });

  test("--only takes small letters too", async () => {
    const { code, stdout } = await run(memory, "--only", "k1/GOOD-keys");
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^memory: 1 passed/m);
  });

  test("says at the end what failed, by rule, and how to repeat it", async () => {
    const { stdout } = await run(file("./fixtures/several-harnesses.ts"), "--only", "K1/good-keys", "--seed", "8");
    assert.match(stdout, /^Failed:\n {2}K1 · Keys: K1\/good-keys\nAgain: --only K1 --seed 8$/m);
    assert.equal(stdout.split("is listed as a known gap").length, 2, "a message is printed once");
  });

  for (const name of ["REVKV_SEED", "REVKV_PATIENCE"]) {
    test(`exits with 2 when ${name} is no number`, async () => {
      const { code, stderr } = await runWith({ [name]: "soon" }, memory, "--only", "K1/good-keys");
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`${name} takes a whole number, not "soon"`));
    });
  }

  test("--json prints a report that programs read", async () => {
    const { code, stdout } = await run(file("./fixtures/several-harnesses.ts"), "--only", "K1/good-keys", "--json");
    assert.equal(code, 1);
    const [first, second] = JSON.parse(stdout);
    assert.equal(first.harness, "first");
    assert.equal(first.passed, true);
    assert.equal(first.results.length, 1);
    const { id, rule, outcome, refusal, error } = first.results[0];
    assert.deepEqual([id, rule, outcome, refusal, error], ["K1/good-keys", "K1", "passed", false, undefined]);
    assert.deepEqual(second.passed, false);
    assert.match(second.results[0].error, /known gap/);
  });

  test("--markdown prints a table of the rules", async () => {
    const { code, stdout } = await run(memory, "--only", "K1", "--markdown", "--seed", "3");
    assert.equal(code, 0);
    assert.match(stdout, /^## memory$/m);
    assert.match(stdout, /^Seed 3\. All right\.$/m);
    assert.match(stdout, new RegExp(`^\\| K1 \\| ${rules["K1"]} \\| \\d+ ok \\|$`, "m"));
  });

  test("--help explains and exits with 0", async () => {
    const { code, stdout } = await run("--help");
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: revkv-conformance/);
  });

  for (const [what, args, message] of [
    ["no module", [], /Name exactly one module/],
    ["two modules", [memory, memory], /Name exactly one module/],
    ["an unknown option", [memory, "--fast"], /'--fast'/],
    ["a selection of nothing", [memory, "--only", "X9"], /--only X9 selects no scenario/],
    ["a seed that is no number", [memory, "--seed", "x"], /--seed takes a whole number/],
    ["two formats", [memory, "--json", "--markdown"], /exclude each other/],
    ["a module that is not there", [file("./nowhere.ts")], /could not be loaded/],
    ["a module without a harness", [file("./fixtures/no-harness.ts")], /is no harness: .*setup must be a function/],
    [
      "a harness with what is unknown",
      [file("./fixtures/misspelt-harness.ts")],
      /setup must be .*; knownGap is no member/,
    ],
  ] as const) {
    test(`exits with 2 for ${what}, and shows the usage`, async () => {
      const { code, stdout, stderr } = await run(...args);
      assert.equal(code, 2);
      assert.match(stderr, message);
      assert.match(stderr, /Usage: revkv-conformance/);
      assert.equal(stdout, "");
    });
  }
});
