import assert from "node:assert/strict";
import type { Capabilities, KeyValue, KeyValueErrorCode, Operation } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { misuse, refuses, stateOf } from "../bucket-state.ts";
import { brief, read } from "../expect.ts";
import { range } from "../load.ts";
import type { Scenario } from "../scenario.ts";
import { scenario } from "../scenario.ts";

const transactional = ({ transactions }: Capabilities): boolean => transactions;

/** Leaves a key `live` at revision 2 and a key `gone` that ends with the marker 4. */
async function prepared(kv: KeyValue): Promise<void> {
  await kv.put("live", "1");
  await kv.put("live", "2");
  await kv.put("gone", "3");
  await kv.delete("gone");
}

const results: readonly Scenario[] = [
  scenario("O10/each-operation", "every kind of operation works, at consecutive revisions, with one number each", {
    requires: transactional,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await prepared(kv);
      const numbers = await kv.transaction([
        { op: "put", key: "put", value: "5" },
        { op: "create", key: "create", value: Uint8Array.from([54]) },
        { op: "update", key: "live", value: "7", lastRevision: 2 },
        { op: "update", key: "update", value: "8", lastRevision: 0 },
        { op: "delete", key: "delete" },
        { op: "delete", key: "put", lastRevision: 5 },
        { op: "purge", key: "gone" },
        { op: "purge", key: "create", lastRevision: 6 },
        { op: "create", key: "gone", value: "13" },
      ]);
      assert.deepEqual(numbers, range(5, 13));
      assert.deepEqual((await kv.history(">")).map(brief), [
        "1 PUT live=1",
        "2 PUT live=2",
        "5 PUT put=5",
        "7 PUT live=7",
        "8 PUT update=8",
        "9 DEL delete",
        "10 DEL put",
        "11 PURGE gone",
        "12 PURGE create",
        "13 PUT gone=13",
      ]);
      assert.equal((await kv.status()).lastRevision, 13);
      assert.equal(await kv.put("next", "14"), 14);
    },
    async runWithout(env) {
      const kv = await env.bucket();
      await refuses("UNSUPPORTED", kv, () => kv.transaction([{ op: "put", key: "a", value: "1" }]));
      await refuses("UNSUPPORTED", kv, () => kv.transaction([{ op: "check", key: "a", lastRevision: null }]));
    },
  }),

  scenario("O10/checks", "a check writes nothing, takes no revision, and gives the one it found", {
    requires: transactional,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await prepared(kv);
      const numbers = await kv.transaction([
        { op: "check", key: "live", lastRevision: 2 },
        { op: "put", key: "a", value: "5" },
        { op: "check", key: "never", lastRevision: null },
        { op: "check", key: "gone", lastRevision: null },
        { op: "put", key: "b", value: "6" },
        { op: "check", key: "gone", lastRevision: 4 },
      ]);
      assert.deepEqual(numbers, [2, 5, 0, 4, 6, 4]);
      const before = await stateOf(kv);
      assert.deepEqual(await kv.transaction([{ op: "check", key: "a", lastRevision: 5 }]), [5], "checks alone");
      assert.deepEqual(await stateOf(kv), before);
    },
  }),

  scenario("O10/sees-earlier", "an operation sees those before it, also on the same key", {
    requires: transactional,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      const numbers = await kv.transaction([
        { op: "put", key: "k", value: "1" },
        { op: "update", key: "k", value: "2", lastRevision: 1 },
        { op: "check", key: "k", lastRevision: 2 },
        { op: "delete", key: "k", lastRevision: 2 },
        { op: "check", key: "k", lastRevision: null },
        { op: "create", key: "k", value: "4" },
        { op: "purge", key: "k", lastRevision: 4 },
        { op: "check", key: "k", lastRevision: null },
        { op: "create", key: "k", value: "6" },
        { op: "put", key: "k", value: "7" },
      ]);
      assert.deepEqual(numbers, [1, 2, 2, 3, 3, 4, 5, 5, 6, 7]);
      assert.deepEqual((await kv.history("k")).map(brief), ["5 PURGE k", "6 PUT k=6", "7 PUT k=7"]);
      assert.equal((await kv.get("k"))?.string(), "7");
    },
  }),

  scenario("O10/sees-earlier-refused", "what an earlier operation changed makes a later condition fail", {
    requires: transactional,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await prepared(kv);
      const put: Operation = { op: "put", key: "live", value: "x" };
      await refuses("KEY_EXISTS", kv, () =>
        kv.transaction([
          { op: "create", key: "new", value: "x" },
          { op: "create", key: "new", value: "y" },
        ]),
      );
      await refuses("REVISION_MISMATCH", kv, () =>
        kv.transaction([put, { op: "update", key: "live", value: "y", lastRevision: 2 }]),
      );
      await refuses("REVISION_MISMATCH", kv, () =>
        kv.transaction([put, { op: "check", key: "live", lastRevision: 2 }]),
      );
      await refuses("REVISION_MISMATCH", kv, () =>
        kv.transaction([
          { op: "create", key: "gone", value: "x" },
          { op: "check", key: "gone", lastRevision: null },
        ]),
      );
      await refuses("REVISION_MISMATCH", kv, () =>
        kv.transaction([
          { op: "delete", key: "live" },
          { op: "purge", key: "live", lastRevision: 2 },
        ]),
      );
    },
  }),

  scenario("O10/history", "operations on one key are trimmed to its history; each has a revision all the same", {
    requires: transactional,
    async run(env) {
      const kv = await env.bucket({ history: 2 });
      await kv.put("k", "1");
      const puts = range(2, 6).map((n): Operation => ({ op: "put", key: "k", value: String(n) }));
      assert.deepEqual(await kv.transaction(puts), range(2, 6));
      assert.deepEqual((await kv.history("k")).map(brief), ["5 PUT k=5", "6 PUT k=6"]);
      assert.equal((await kv.status()).values, 2);
    },
  }),

  scenario("O10/watched", "watchers get the entries of a transaction in order", {
    requires: transactional,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      const other = await (await env.open()).keyValue(kv.bucket);
      const watchers = [read(await kv.watch(">")), read(await other.watch(">"))];
      for (const watched of watchers) assert.equal(await watched.next(), null);
      await kv.transaction([
        { op: "put", key: "b", value: "1" },
        { op: "check", key: "b", lastRevision: 1 },
        { op: "put", key: "a", value: "2" },
        { op: "delete", key: "b" },
        { op: "purge", key: "c" },
      ]);
      for (const watched of watchers) {
        assert.deepEqual((await watched.take(4)).map(brief), ["1 PUT b=1", "2 PUT a=2", "3 DEL b", "4 PURGE c"]);
        await watched.watcher.stop();
      }
    },
  }),

  scenario("O10/most-operations", "a transaction may have as many operations as the adapter says, and no more", {
    requires: ({ transactions, maxOperations }) => transactions && maxOperations <= 20_000,
    async run(env) {
      const kv = await env.bucket();
      const { maxOperations } = env.capabilities;
      const puts = range(1, maxOperations).map((n): Operation => ({ op: "put", key: `k${n % 100}`, value: "x" }));
      assert.deepEqual(await kv.transaction(puts), range(1, maxOperations));
      const more: Operation = { op: "put", key: "k", value: "x" };
      await refuses("UNSUPPORTED", kv, () => kv.transaction([...puts, more]));
    },
  }),
];

const refusals: readonly Scenario[] = [
  scenario("O10/nothing-changed", "a condition that fails rejects with its own error, and nothing has changed", {
    requires: transactional,
    async run(env) {
      const kv = await env.bucket({ history: 5, maxValueSize: 8 });
      await prepared(kv);
      const cases: readonly (readonly [Operation, KeyValueErrorCode, object])[] = [
        [{ op: "create", key: "live", value: "x" }, "KEY_EXISTS", { key: "live", revision: 2 }],
        [
          { op: "update", key: "live", value: "x", lastRevision: 1 },
          "REVISION_MISMATCH",
          { key: "live", expected: 1, actual: 2 },
        ],
        [
          { op: "update", key: "gone", value: "x", lastRevision: 0 },
          "REVISION_MISMATCH",
          { key: "gone", expected: 0, actual: 4 },
        ],
        [
          { op: "update", key: "new", value: "x", lastRevision: 1 },
          "REVISION_MISMATCH",
          { key: "new", expected: 1, actual: 0 },
        ],
        [{ op: "delete", key: "live", lastRevision: 1 }, "REVISION_MISMATCH", { key: "live", expected: 1, actual: 2 }],
        [{ op: "purge", key: "gone", lastRevision: 3 }, "REVISION_MISMATCH", { key: "gone", expected: 3, actual: 4 }],
        [{ op: "check", key: "live", lastRevision: 1 }, "REVISION_MISMATCH", { key: "live", expected: 1, actual: 2 }],
        [
          { op: "check", key: "live", lastRevision: null },
          "REVISION_MISMATCH",
          { key: "live", expected: null, actual: 2 },
        ],
        [{ op: "check", key: "gone", lastRevision: 3 }, "REVISION_MISMATCH", { key: "gone", expected: 3, actual: 4 }],
        [{ op: "check", key: "new", lastRevision: 1 }, "REVISION_MISMATCH", { key: "new", expected: 1, actual: 0 }],
        [{ op: "put", key: "new", value: "too large" }, "VALUE_TOO_LARGE", {}],
      ];
      const first: Operation = { op: "put", key: "first", value: "x" };
      const last: Operation = { op: "purge", key: "last" };
      for (const [failing, code, fields] of cases) {
        for (const operations of [
          [failing, first],
          [first, failing, last],
          [first, last, failing],
        ]) {
          await refuses(code, kv, () => kv.transaction(operations), fields);
        }
      }
      assert.deepEqual(await kv.transaction([first, last]), [5, 6], "no revision was lost");
    },
  }),

  scenario("O10/first-failing", "of several conditions that fail the first one decides the error", {
    requires: transactional,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await prepared(kv);
      const put: Operation = { op: "put", key: "other", value: "x" };
      const create: Operation = { op: "create", key: "live", value: "x" };
      const update: Operation = { op: "update", key: "gone", value: "x", lastRevision: 3 };
      const check: Operation = { op: "check", key: "new", lastRevision: 9 };
      await refuses("KEY_EXISTS", kv, () => kv.transaction([put, create, update, check]), { key: "live", revision: 2 });
      await refuses("REVISION_MISMATCH", kv, () => kv.transaction([update, check, create]), { key: "gone", actual: 4 });
      await refuses("REVISION_MISMATCH", kv, () => kv.transaction([check, put, create, update]), {
        key: "new",
        actual: 0,
      });
    },
  }),

  scenario("O10/bad-operations", "a transaction that is empty or malformed is refused as a whole", {
    requires: transactional,
    async run(env) {
      const kv = await env.bucket({ history: 5 });
      await prepared(kv);
      const put: Operation = { op: "put", key: "a", value: "x" };
      await refuses("INVALID_ARGUMENT", kv, () => kv.transaction([]));
      await refuses("INVALID_ARGUMENT", kv, () => kv.transaction(misuse(put)));
      const bad: readonly (readonly [unknown, KeyValueErrorCode])[] = [
        [{ op: "put", key: "a..b", value: "x" }, "INVALID_KEY"],
        [{ op: "check", key: "*", lastRevision: null }, "INVALID_KEY"],
        [{ op: "delete", key: "" }, "INVALID_KEY"],
        [{ op: "get", key: "live" }, "INVALID_ARGUMENT"],
        [{ op: "toString", key: "live" }, "INVALID_ARGUMENT"],
        [{ key: "live", value: "x" }, "INVALID_ARGUMENT"],
        [undefined, "INVALID_ARGUMENT"],
        [{ op: "put", key: "live" }, "INVALID_ARGUMENT"],
        [{ op: "put", key: "live", value: "x", lastRevision: 2 }, "INVALID_ARGUMENT"],
        [{ op: "update", key: "live", value: "x" }, "INVALID_ARGUMENT"],
        [{ op: "update", key: "live", value: "x", lastRevision: null }, "INVALID_ARGUMENT"],
        [{ op: "update", key: "live", value: "x", lastRevision: -1 }, "INVALID_ARGUMENT"],
        [{ op: "check", key: "live" }, "INVALID_ARGUMENT"],
        [{ op: "check", key: "live", lastRevision: undefined }, "INVALID_ARGUMENT"],
        [{ op: "check", key: "live", lastRevision: 1.5 }, "INVALID_ARGUMENT"],
        [{ op: "delete", key: "live", lastRevision: undefined }, "INVALID_ARGUMENT"],
        [{ op: "purge", key: "live", lastRevision: undefined }, "INVALID_ARGUMENT"],
        [{ op: "delete", key: "live", lastRevision: 0 }, "INVALID_ARGUMENT"],
      ];
      for (const [operation, code] of bad) {
        await refuses(code, kv, () => kv.transaction([put, misuse<Operation>(operation)]));
      }
    },
  }),

  scenario("O10/one-of-twenty", "of 20 concurrent transactions on one condition exactly one succeeds", {
    requires: transactional,
    async run(env) {
      const kv = await env.bucket();
      const other = await (await env.open()).keyValue(kv.bucket);
      let revision = await kv.put("lock", "free");
      for (const round of range(1, 4)) {
        const outcomes = await Promise.allSettled(
          range(0, 19).map((caller) =>
            (caller % 2 === 0 ? kv : other).transaction([
              { op: "check", key: "lock", lastRevision: revision },
              { op: "put", key: `owner.${round}`, value: String(caller) },
              { op: "put", key: "lock", value: String(caller) },
            ]),
          ),
        );
        const won = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
        for (const outcome of outcomes) {
          if (outcome.status === "rejected") assert.ok(isKeyValueError(outcome.reason, "REVISION_MISMATCH"));
        }
        assert.deepEqual(won, [[revision, revision + 1, revision + 2]]);
        revision += 2;
        assert.equal((await kv.get(`owner.${round}`))?.string(), (await kv.get("lock"))?.string());
      }
      assert.equal((await kv.status()).lastRevision, revision);
    },
  }),
];

/** Several operations that take effect together or not at all. */
export const transactionScenarios: readonly Scenario[] = [...results, ...refusals];
