import assert from "node:assert/strict";
import type { Capabilities, KeyValue } from "@revkv/api";
import { getTogether } from "../bucket-state.ts";
import { collect, eventually } from "../expect.ts";
import type { OracleConfig } from "../oracle.ts";
import { Oracle } from "../oracle.ts";
import { expectedHistory, expectedView, viewOf } from "../view.ts";
import { operationsOf, writeBoth } from "./operations.ts";
import { Comparison } from "./outcome.ts";
import type { Step } from "./steps.ts";
import { duration, timeUnit } from "./steps.ts";
import type { LiveWatcher } from "./watchers.ts";
import { checkWatcher, compareInitialSets, optionsOf, startWatcher, syncKey } from "./watchers.ts";

/** An adapter's side of a trace. */
export interface Subject {
  readonly capabilities: Capabilities;
  /** One bucket, through several managers, used in turn. */
  readonly handles: readonly [KeyValue, ...KeyValue[]];
  /** Changes the bucket's config. */
  configure(change: OracleConfig): Promise<void>;
  /** Moves the storage's clock. */
  pass(milliseconds: number): Promise<void>;
  /**
   * False: no watcher resumes at or below `compactedTo`, which adapters without `compactionDetection` cannot refuse (rule
   * W13), so that traces on different adapters stay the same; default true.
   */
  readonly resumesCompacted?: boolean | undefined;
}

/** One trace: the same steps on an adapter and on the oracle, compared at every step and as a whole in the end. */
export class Trace {
  readonly #subject: Subject;
  readonly #oracle: Oracle;
  readonly #watchers: LiveWatcher[] = [];
  readonly #comparison: Comparison = new Comparison();
  #turn = 0;

  constructor(subject: Subject, config: OracleConfig) {
    this.#subject = subject;
    this.#oracle = new Oracle(config);
  }

  /** Carries out the steps, then compares everything that can be read. Gives what the adapter did, line by line. */
  async run(steps: readonly Step[], filters: readonly (string | readonly string[])[]): Promise<readonly string[]> {
    try {
      for (const [index, step] of steps.entries()) await this.#step(step, `step ${index}`);
      await this.#sync();
      await this.#compareAll(filters);
      const { transcript } = this.#comparison;
      for (const watcher of this.#watchers) transcript.push(await checkWatcher(watcher, this.#oracle));
      return transcript;
    } finally {
      for (const { recorder } of this.#watchers) await recorder.watcher.stop();
    }
  }

  /** The first revision at which a watcher may resume. */
  #firstResume(): number {
    return this.#subject.resumesCompacted === false ? this.#oracle.compactedTo + 1 : 1;
  }

  /** The next handle in turn. */
  #kv(): KeyValue {
    this.#turn += 1;
    const { handles } = this.#subject;
    return handles[this.#turn % handles.length] ?? handles[0];
  }

  async #step(step: Step, at: string): Promise<void> {
    const oracle = this.#oracle;
    const kv = this.#kv();
    const what = `${at}: ${step.do}`;
    switch (step.do) {
      case "transaction": {
        const operations = operationsOf(step.operations, oracle);
        await this.#comparison.same(
          what,
          () => kv.transaction(operations),
          () => oracle.transaction(operations),
        );
        return;
      }
      case "burst":
        return await this.#burst(kv, step.puts);
      case "get":
        await this.#comparison.same(
          what,
          async () => optional(await kv.get(step.key), viewOf),
          () => this.#seen(oracle.get(step.key)),
        );
        return;
      case "getRevision": {
        const revision = Math.max(1, oracle.revision - step.back);
        await this.#comparison.same(
          what,
          async () => optional(await kv.getRevision(step.key, revision), viewOf),
          () => this.#seen(oracle.getRevision(step.key, revision)),
        );
        return;
      }
      case "getMany":
        await this.#comparison.same(
          what,
          async () =>
            (await getTogether(this.#subject.capabilities, kv, step.keys)).map((entry) => optional(entry, viewOf)),
          () => step.keys.map((key) => this.#seen(oracle.get(key))),
        );
        return;
      case "keys":
        return await this.#compareKeys(kv, step.filter, what);
      case "entries":
        return await this.#compareEntries(kv, step.filter, what);
      case "history": {
        const { filter, ignoreDeletes, metaOnly } = step;
        const options = { ignoreDeletes, metaOnly };
        await this.#comparison.same(
          what,
          async () => (await kv.history(filter, options)).map(viewOf),
          () => expectedHistory(oracle, filter, options),
        );
        return;
      }
      case "deleteAll":
      case "purgeAll": {
        const operation = step.do === "deleteAll" ? "DEL" : "PURGE";
        const keys = oracle.keys(step.filter);
        assert.equal(await kv[step.do](step.filter), keys.length, what);
        oracle.markAll(operation, await this.#orderOf(kv, keys, what));
        return;
      }
      case "purgeDeletes":
        // Whoever reads on is past every marker then: how far a slower watcher got would be chance.
        await this.#sync();
        await this.#comparison.same(
          what,
          () => kv.purgeDeletes({ olderThan: duration(step.olderThan) }),
          () => oracle.purgeDeletes(duration(step.olderThan)),
        );
        return;
      case "status":
        return await this.#compareStatus(kv, what);
      case "configure": {
        await this.#sync();
        const { history, ttl } = step;
        const change = { ...(history && { history }), ...(ttl && { ttl: duration(ttl) }) };
        await this.#subject.configure(change);
        return await this.#marked(kv, oracle.configure(change), what);
      }
      case "watch": {
        const options = optionsOf(step.start, oracle, this.#firstResume());
        const watcher = await startWatcher(
          this.#comparison,
          kv,
          oracle,
          this.#subject.capabilities,
          step.filter,
          options,
        );
        if (watcher !== undefined) this.#watchers.push(watcher);
        return;
      }
      case "pass":
        await this.#sync();
        await this.#subject.pass(step.units * timeUnit);
        return await this.#marked(kv, oracle.pass(step.units * timeUnit), what);
      default:
        await writeBoth(this.#comparison, kv, oracle, step, what);
    }
  }

  /** Puts that are not awaited one by one: the oracle repeats them in the order that their revisions tell. */
  async #burst(kv: KeyValue, puts: readonly { readonly key: string; readonly value: Uint8Array }[]): Promise<void> {
    const results = await Promise.allSettled(
      puts.map(async (put) => ({ put, revision: await kv.put(put.key, put.value) })),
    );
    const done = results.filter((result) => result.status === "fulfilled").map(({ value }) => value);
    for (const { put, revision } of done.sort((a, b) => a.revision - b.revision)) {
      assert.equal(revision, this.#oracle.put(put.key, put.value), "revisions of a burst are consecutive");
    }
    const refused = puts.length - done.length;
    assert.ok(
      refused === 0 || this.#oracle.config.maxBytes !== undefined || this.#oracle.config.maxValueSize !== undefined,
    );
  }

  #seen(entry: ReturnType<Oracle["get"]>): string | null {
    return optional(entry, (one) => expectedView(this.#oracle, one));
  }

  /** Writes an entry that every watcher gets, and waits until it has: all of them have seen what there is to be seen. */
  async #sync(): Promise<void> {
    if (this.#watchers.length === 0) return;
    const value = new Uint8Array(0);
    const revision = await this.#kv().put(syncKey, value);
    assert.equal(revision, this.#oracle.put(syncKey, value));
    for (const { recorder } of this.#watchers) await recorder.reaches(revision);
  }

  /** Waits for the markers of values that expired, and lets the oracle write them in the same order (rule T2). */
  async #marked(kv: KeyValue, keys: readonly string[], what: string): Promise<void> {
    if (keys.length === 0) return;
    const last = this.#oracle.revision + keys.length;
    await eventually(
      `expiry markers up to revision ${last}, ${what}`,
      async () => (await kv.status()).lastRevision >= last,
    );
    this.#oracle.markExpired(await this.#orderOf(kv, keys, what));
  }

  /** The order in which markers were written to these keys: the contract leaves it open. */
  async #orderOf(kv: KeyValue, keys: readonly string[], what: string): Promise<string[]> {
    const written = (await kv.history(">")).filter((entry) => entry.revision > this.#oracle.revision);
    const order = written.map((entry) => entry.key);
    assert.deepEqual(order.toSorted(), keys.toSorted(), `${what}: one marker for each key`);
    return order;
  }

  async #compareKeys(kv: KeyValue, filter: string | readonly string[], what: string): Promise<void> {
    await this.#comparison.same(
      what,
      () => kv.keys(filter),
      () => this.#oracle.keys(filter),
    );
    await this.#comparison.same(
      what,
      () => collect(kv.listKeys(filter)),
      () => this.#oracle.keys(filter),
    );
  }

  async #compareEntries(kv: KeyValue, filter: string | readonly string[], what: string): Promise<void> {
    await this.#comparison.same(
      what,
      async () => (await collect(kv.entries(filter))).map(viewOf),
      () => this.#oracle.entries(filter).map((entry) => expectedView(this.#oracle, entry)),
    );
  }

  async #compareStatus(kv: KeyValue, what: string): Promise<void> {
    const { values, bytes, history, ttl, lastRevision, compactedTo } = await kv.status();
    const { config, kept, revision } = this.#oracle;
    assert.deepEqual(
      { values, bytes, history, ttl, lastRevision },
      {
        values: kept.length,
        bytes: this.#oracle.bytes(),
        history: config.history ?? 1,
        ttl: config.ttl,
        lastRevision: revision,
      },
      what,
    );
    if (this.#subject.capabilities.compactionDetection) {
      assert.equal(compactedTo, this.#oracle.compactedTo, `${what}: compactedTo`);
    }
  }

  async #compareAll(filters: readonly (string | readonly string[])[]): Promise<void> {
    for (const kv of this.#subject.handles) {
      await this.#compareStatus(kv, "in the end: status");
      await this.#comparison.same(
        "in the end: history",
        async () => (await kv.history(">")).map(viewOf),
        () => expectedHistory(this.#oracle, ">"),
      );
      await this.#compareKeys(kv, ">", "in the end: keys");
      await this.#compareEntries(kv, ">", "in the end: entries");
    }
    const dates = (await this.#kv().history(">")).map((entry) => entry.created.getTime());
    assert.deepEqual(
      dates,
      dates.toSorted((a, b) => a - b),
      "in the end: created never goes back",
    );
    const all = [">", ...filters];
    const { capabilities } = this.#subject;
    await compareInitialSets(this.#comparison, this.#kv(), this.#oracle, capabilities, all, this.#firstResume());
  }
}

function optional<T>(entry: T | null, view: (entry: T) => string): string | null {
  return entry === null ? null : view(entry);
}
