import assert from "node:assert/strict";
import type { CallOptions, KeyValue, KeyValueManager, Operation, WatchOptions } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { misuse, stateOf } from "../bucket-state.ts";
import { bucketCalls, type EveryCall, firstOf, managerCalls, type OptionName } from "../every-call.ts";
import { allReject, brief, of, read, rejects } from "../expect.ts";
import { type Scenario, type ScenarioEnv, scenario } from "../scenario.ts";

const shown = (value: unknown): string =>
  typeof value === "number" || typeof value === "symbol" || typeof value === "bigint"
    ? String(value)
    : (JSON.stringify(value) ?? typeof value);

/** For each option, what it cannot be. */
const badOptions: Readonly<Record<OptionName, readonly unknown[]>> = {
  ttl: [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "1000", null, true, {}],
  lastRevision: [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "1", null, undefined, true],
  ignoreDeletes: ["yes", 1, 0, null, {}],
  metaOnly: ["yes", 1, 0, null, {}],
  includeHistory: ["yes", 1, 0, null, {}],
  updatesOnly: ["yes", 1, 0, null, {}],
  resumeFromRevision: [-1, 0.5, Number.NaN, "1", null, true],
  resumeIncarnation: [1, null, true, {}],
  olderThan: [-1, Number.NaN, Number.NEGATIVE_INFINITY, "0", null, true],
};

/** What no call has as options. */
const notOptions: readonly unknown[] = [null, 5, "text", true, () => undefined];

/** What is no signal. */
const notSignals: readonly unknown[] = [null, 5, "text", {}, new AbortController(), { aborted: false }];

/** What is no value. */
const notValues: readonly unknown[] = [
  undefined,
  null,
  5,
  true,
  {},
  ["a"],
  [1, 2],
  new ArrayBuffer(2),
  new Uint16Array(2),
  new DataView(new ArrayBuffer(2)),
  new Date(0),
];

/** Every call on a manager and on a bucket, made ready: a function from options to what is awaited. */
async function everyCall(env: ScenarioEnv): Promise<readonly [EveryCall<never>, (options?: object) => unknown][]> {
  const kv = await env.bucket(env.capabilities.limitMarkers ? { limitMarkerTtl: 60_000 } : {});
  await kv.put("key", "value");
  return [
    ...bucketCalls(env.capabilities).map((call) => [call, (options?: object) => call.invoke(kv, options)] as const),
    ...managerCalls(kv.bucket).map((call) => [call, (options?: object) => call.invoke(env.manager, options)] as const),
  ] as unknown as [EveryCall<never>, (options?: object) => PromiseLike<unknown>][];
}
