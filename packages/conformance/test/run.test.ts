import assert from "node:assert/strict";
import type { KeyValueManager } from "@revkv/api";
import { test } from "vitest";
import { connect } from "../../memory/src/index.ts";
import { rejects } from "../src/expect.ts";
import type { Harness } from "../src/harness.ts";
import { runSuite } from "../src/run.ts";
import type { Scenario, ScenarioEnv } from "../src/scenario.ts";
import { scenario } from "../src/scenario.ts";
import memoryHarness from "./memory-harness.ts";

const passes = scenario("M1/passes", "it passes", { run: async () => undefined });
const fails = scenario("M2/fails", "it fails", {
  run: async () => {
    throw new Error("as it should");
  },
});
const absent = scenario("M3/absent", "it is about what nobody claims", {
  requires: () => false,
  run: async () => undefined,
});
const refused = scenario("M4/refused", "it shows a refusal", {
  requires: () => false,
  run: () => Promise.reject(new Error("the wrong side")),
  runWithout: async () => undefined,
});
const all: readonly Scenario[] = [passes, fails, absent, refused];

/** The memory adapter with its own clock: scenarios share a storage. */
const shared: Harness = {
  ...memoryHarness,
  async setup() {
    const { open, dispose } = await memoryHarness.setup();
    return { open, dispose };
  },
};

async function run(harness: Harness, scenarios: readonly Scenario[], options: object = {}) {
  return await runSuite(harness, { scenarios, ...options });
}

const outcomes = (report: Awaited<ReturnType<typeof runSuite>>): Record<string, string> =>
  Object.fromEntries(report.results.map(({ id, outcome }) => [id, outcome]));

test("a run has one result per scenario, in the order of the suite", async () => {
  const seen: string[] = [];
  const report = await run(memoryHarness, all, { onResult: ({ id }: { id: string }) => void seen.push(id) });
  assert.deepEqual(outcomes(report), {
    "M1/passes": "passed",
    "M2/fails": "failed",
    "M3/absent": "not-applicable",
    "M4/refused": "passed",
  });
  assert.deepEqual(
    report.results.map(({ id, refusal }) => [id, refusal]),
    [
      ["M1/passes", false],
      ["M2/fails", false],
      ["M3/absent", true],
      ["M4/refused", true],
    ],
  );
  assert.deepEqual(seen.toSorted(), all.map(({ id }) => id).toSorted());
  assert.equal(report.passed, false);
  assert.deepEqual(report.problems, []);
});

test("a failure names the scenario, the rule and the seed, and keeps the error as its cause", async () => {
  const { results, seed } = await run(memoryHarness, [fails], { seed: 42 });
  assert.equal(seed, 42);
  const error = results[0]?.error;
  assert.match(
    error?.message ?? "",
    /^M2\/fails \(rule M2 · Revisions never go back, seed 42\): it fails\nas it should$/,
  );
  assert.ok(error?.cause instanceof Error);
  assert.equal(error.cause.message, "as it should");
});

test("every scenario is given the seed of the run, and a run without one makes its own", async () => {
  const seeds: number[] = [];
  const seed = scenario("M1/seed", "it takes note", { run: async (env) => void seeds.push(env.seed) });
  await run(memoryHarness, [seed, { ...seed, id: "M1/seed-again" }], { seed: 7 });
  const own = await run(memoryHarness, [seed]);
  assert.deepEqual(seeds, [7, 7, own.seed]);
});

test("a known gap must fail, must be a scenario, and must apply", async () => {
  const gaps = (...ids: string[]): Harness => ({
    ...memoryHarness,
    knownGaps: Object.fromEntries(ids.map((id) => [id, "known"])),
  });
  const failing = await run(gaps("M2/fails"), all);
  assert.equal(outcomes(failing)["M2/fails"], "gap");
  assert.equal(failing.passed, true);

  const passing = await run(gaps("M1/passes"), [passes]);
  assert.equal(outcomes(passing)["M1/passes"], "failed");
  assert.match(passing.results[0]?.error?.message ?? "", /known gap, but passes/);

  const idle = await run(gaps("M3/absent"), [absent]);
  assert.match(idle.results[0]?.error?.message ?? "", /known gap, but does not apply/);

  const stale = await run(gaps("M9/gone"), [passes]);
  assert.match(stale.problems[0]?.message ?? "", /M9\/gone, which is no scenario/);
  assert.equal(stale.passed, false);
});

test("what a harness claims must be what the manager says", async () => {
  const harness = { ...memoryHarness, capabilities: { ...memoryHarness.capabilities, compression: true } };
  const report = await run(harness, [passes]);
  assert.match(report.problems[0]?.message ?? "", /capabilities/);
  assert.equal(report.passed, false);
});

test("a scenario that does not come to an end fails, and the others go on", async () => {
  const hangs = scenario("M1/hangs", "it hangs", { run: () => new Promise(() => {}) });
  const report = await run(memoryHarness, [hangs, passes], { timeout: 50 });
  assert.deepEqual(outcomes(report), { "M1/hangs": "failed", "M1/passes": "passed" });
  assert.match(report.results[0]?.error?.message ?? "", /waited 50 ms in vain for the scenario to finish/);
});

test("a selection is a letter, a rule or the beginning of an id", async () => {
  const ids = async (...only: string[]): Promise<string[]> => {
    const twelve = { ...passes, id: "M12/other", rule: "M12" };
    return (await run(memoryHarness, [...all, twelve], { only })).results.map(({ id }) => id);
  };
  assert.deepEqual(await ids("M1"), ["M1/passes"]);
  assert.deepEqual(await ids("M1/"), ["M1/passes"]);
  assert.deepEqual(await ids("M2/fa", "M4"), ["M2/fails", "M4/refused"]);
  assert.deepEqual((await ids("M/")).length, 5);
  assert.deepEqual(await ids("M"), await ids("M/"));
  const none = await run(memoryHarness, all, { only: ["W"] });
  assert.equal(none.passed, false, "a run of nothing is no success");
});

test("no more scenarios run at the same time than asked for", async () => {
  let [running, most] = [0, 0];
  const busy = scenario("M1/busy", "it keeps busy", {
    run: async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    },
  });
  await run(
    memoryHarness,
    Array.from({ length: 20 }, (_, index) => ({ ...busy, id: `M1/busy-${index}` })),
    {
      concurrency: 3,
    },
  );
  assert.equal(most, 3);
});

for (const [name, harness] of Object.entries({ "a storage of its own": memoryHarness, "a shared storage": shared })) {
  test(`what a scenario opened on ${name} is closed after it, whether it passed or failed`, async () => {
    const opened: KeyValueManager[] = [];
    const opens = async (env: ScenarioEnv): Promise<void> => {
      opened.push(await env.open(), await env.storage.open(), await (await env.fresh()).open());
      await env.bucket();
    };
    const report = await run(harness, [
      scenario("M1/opens", "it opens managers", { run: opens }),
      scenario("M1/opens-and-fails", "it opens managers and fails", {
        run: async (env) => {
          await opens(env);
          throw new Error("late");
        },
      }),
    ]);
    assert.deepEqual(outcomes(report), { "M1/opens": "passed", "M1/opens-and-fails": "failed" });
    assert.equal(opened.length, 6);
    for (const manager of opened) await rejects("CLOSED", manager.keyValue("any"));
  });
}

test("scenarios share a storage whose clock cannot be moved, and leave no bucket on it", async () => {
  const managers = new Set<KeyValueManager>();
  const names: string[] = [];
  const makes = (id: string): Scenario =>
    scenario(id, "it makes buckets", {
      run: async (env) => {
        for await (const name of env.manager.keyValueStoreNames()) assert.fail(`${name} is left over`);
        managers.add(env.manager);
        names.push((await env.bucket()).bucket, env.bucketName());
      },
    });
  const report = await run(shared, [makes("M1/one"), makes("M1/two")], { concurrency: 1 });
  assert.equal(report.passed, true);
  assert.equal(managers.size, 1);
  assert.equal(new Set(names).size, 4);
});

test("each scenario has a storage of its own where the clock can be moved", async () => {
  const moves = (id: string): Scenario =>
    scenario(id, "it moves the clock", {
      run: async (env) => {
        const kv = await env.bucket({ ttl: 3_600_000 });
        await kv.put("key", "value");
        await env.pass(1_800_000);
        assert.notEqual(await kv.get("key"), null, "no other scenario's time counts");
        await env.pass(1_800_000);
        assert.equal(await kv.get("key"), null);
      },
    });
  const report = await run(
    memoryHarness,
    ["M1/a", "M1/b", "M1/c", "M1/d"].map((id) => moves(id)),
  );
  assert.equal(report.passed, true);
});

test("time is waited for where the clock cannot be moved", async () => {
  const waits = scenario("M1/waits", "it waits", {
    run: async (env) => {
      const start = performance.now();
      await env.pass(120);
      assert.ok(performance.now() - start >= 120);
    },
  });
  assert.equal((await run(shared, [waits])).passed, true);
});

test("a manager that cannot be closed fails its scenario", async () => {
  const harness: Harness = {
    ...memoryHarness,
    async setup() {
      const storage = await memoryHarness.setup();
      return {
        open: async (options) => {
          const manager = await storage.open(options);
          return Object.assign(Object.create(manager) as KeyValueManager, {
            capabilities: manager.capabilities,
            createKeyValue: manager.createKeyValue.bind(manager),
            deleteKeyValue: manager.deleteKeyValue.bind(manager),
            close: () => Promise.reject(new Error("it does not close")),
          });
        },
        dispose: () => storage.dispose(),
      };
    },
  };
  const opens = scenario("M1/opens", "it opens a manager", { run: async (env) => void (await env.open()) });
  const report = await run(harness, [opens, passes]);
  assert.deepEqual(outcomes(report), { "M1/opens": "failed", "M1/passes": "passed" });
  assert.match(report.results[0]?.error?.message ?? "", /it does not close/);
  assert.match(report.problems[0]?.message ?? "", /did not close/);
});

test("the capabilities of a harness are those of a manager opened by hand", async () => {
  const manager = await connect();
  assert.deepEqual(manager.capabilities, memoryHarness.capabilities);
  await manager.close();
});

test("a storage that cannot be set up or opened in time is a problem of the run, and is disposed of", async () => {
  const broken = async (setup: Harness["setup"]): Promise<string> => {
    const report = await run({ ...memoryHarness, setup }, [passes], { timeout: 100 });
    assert.equal(report.passed, false);
    assert.deepEqual(report.results, []);
    assert.match(report.problems[0]?.message ?? "", /gives no storage/);
    return String(report.problems[0]?.cause);
  };
  let disposed = 0;
  const dispose = async (): Promise<void> => {
    disposed += 1;
  };
  assert.match(await broken(() => new Promise(() => {})), /in vain for the harness to set up a storage/);
  assert.match(
    await broken(() => {
      throw new Error("not here");
    }),
    /not here/,
  );
  assert.equal(disposed, 0);
  assert.match(
    await broken(async () => ({ dispose, open: () => Promise.reject(new Error("no way in")) })),
    /no way in/,
  );
  assert.equal(disposed, 1);
  assert.match(await broken(async () => ({ dispose, open: () => new Promise(() => {}) })), /the storage to open/);
  assert.equal(disposed, 2);
});

test("a scenario that has timed out can open nothing more", async () => {
  const late = Promise.withResolvers<ScenarioEnv>();
  const hangs = scenario("M1/hangs", "it hangs", {
    run: (env) => {
      late.resolve(env);
      return new Promise(() => {});
    },
  });
  await run(memoryHarness, [hangs], { timeout: 50 });
  const env = await late.promise;
  await assert.rejects(env.open(), /the scenario is over/);
  await assert.rejects(env.bucket(), /the scenario is over/);
  await assert.rejects(env.fresh(), /the scenario is over/);
});

test("a known gap does not hide what could not be closed", async () => {
  const harness: Harness = {
    ...memoryHarness,
    knownGaps: { "M2/fails": "known" },
    async setup() {
      const storage = await memoryHarness.setup();
      return { ...storage, dispose: () => Promise.reject(new Error("it stays")) };
    },
  };
  const report = await run(harness, [fails]);
  assert.deepEqual(outcomes(report), { "M2/fails": "failed" });
  assert.match(report.results[0]?.error?.message ?? "", /it stays/);
});

test("a rejection that is left alone is told with the scenarios that ran", async () => {
  const leaves = scenario("M1/leaves", "it leaves a rejection alone, and fails", {
    run: async () => {
      void Promise.reject(new Error("alone"));
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error("as it should");
    },
  });
  const { problems } = await run(memoryHarness, [leaves]);
  assert.match(problems[0]?.message ?? "", /rule E1, or a consequence of M1\/leaves\), while these ran: M1\/leaves$/);
});

test("an exclusive scenario runs alone, after the others", async () => {
  const running = new Set<string>();
  const seen: string[] = [];
  const takesTime = (id: string, exclusive: boolean): Scenario =>
    scenario(id, "it takes a while", {
      exclusive,
      run: async () => {
        running.add(id);
        for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        seen.push(`${id} of ${running.size}`);
        running.delete(id);
      },
    });
  const report = await run(memoryHarness, [
    takesTime("M1/a", true),
    takesTime("M1/b", false),
    takesTime("M1/c", false),
    takesTime("M1/d", true),
  ]);
  assert.deepEqual(seen.slice(2), ["M1/a of 1", "M1/d of 1"]);
  assert.equal(seen[0], "M1/b of 2");
  assert.deepEqual(Object.keys(outcomes(report)), ["M1/a", "M1/b", "M1/c", "M1/d"]);
});
