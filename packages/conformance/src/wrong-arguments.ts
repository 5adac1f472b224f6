import type { KeyValue, Operation } from "@revkv/api";
import { misuse } from "./bucket-state.ts";
import { firstOf } from "./every-call.ts";
import type { ScenarioEnv } from "./scenario.ts";

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

/** What is no revision to compare with. */
const notRevisions: readonly unknown[] = [
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  "1",
  null,
  undefined,
  true,
  {},
];

/** Arguments that are wrong in themselves, by call; everything else about the calls is right. */
export function wrongArguments(kv: KeyValue, env: ScenarioEnv): Record<string, () => Promise<unknown>> {
  const calls: Record<string, () => Promise<unknown>> = {};
  for (const value of notValues) {
    const given = misuse<string>(value);
    calls[`put ${shown(value)}`] = () => kv.put("key", given);
    calls[`putString ${shown(value)}`] = () => kv.putString("key", given);
    calls[`create ${shown(value)}`] = () => kv.create("new", given);
    calls[`update ${shown(value)}`] = () => kv.update("key", given, 1);
  }
  for (const revision of notRevisions) {
    const given = misuse<number>(revision);
    calls[`update at ${shown(revision)}`] = () => kv.update("key", "x", given);
    calls[`getRevision ${shown(revision)}`] = () => kv.getRevision("key", given);
  }
  calls["putString of bytes"] = () => kv.putString("key", misuse(new Uint8Array(1)));
  calls["getRevision 0"] = () => kv.getRevision("key", 0);
  if (env.capabilities.snapshotReads) {
    for (const keys of [undefined, null, "key", 5, {}, new Set(["key"])]) {
      calls[`getMany ${shown(keys)}`] = () => kv.getMany(misuse(keys));
    }
  }
  for (const filter of [null, 5, true, {}, new Set(["key"])]) {
    const given = misuse<string>(filter);
    calls[`keys ${shown(filter)}`] = () => kv.keys(given);
    calls[`listKeys ${shown(filter)}`] = () => firstOf(kv.listKeys(given));
    calls[`entries ${shown(filter)}`] = () => firstOf(kv.entries(given));
    calls[`history ${shown(filter)}`] = () => kv.history(given);
    calls[`watch ${shown(filter)}`] = () => kv.watch(given);
    calls[`deleteAll ${shown(filter)}`] = () => kv.deleteAll(given);
    calls[`purgeAll ${shown(filter)}`] = () => kv.purgeAll(given);
  }
  calls["history of nothing"] = () => kv.history(misuse(undefined));
  calls["watch of nothing"] = () => kv.watch(misuse(undefined));
  if (env.capabilities.transactions) {
    for (const [name, operations] of Object.entries(wrongOperations)) {
      calls[`transaction ${name}`] = () => kv.transaction(misuse(operations));
    }
  }
  return calls;
}

const put: Operation = { op: "put", key: "key", value: "x" };

const wrongOperations: Readonly<Record<string, unknown>> = {
  "of undefined": undefined,
  "of null": null,
  "of one operation, without a list": put,
  "of nothing": [],
  "of a hole": [put, undefined],
  "of null in a list": [null],
  "of text": ["put"],
  "without op": [{ key: "key", value: "x" }],
  "of an unknown op": [{ op: "get", key: "key" }],
  "of an op in capitals": [{ op: "PUT", key: "key", value: "x" }],
  "of an op that every object has": [{ op: "toString", key: "key" }],
  "of a put without a value": [{ op: "put", key: "key" }],
  "of a put with a number": [{ op: "put", key: "key", value: 5 }],
  "of a put with a condition": [{ op: "put", key: "key", value: "x", lastRevision: 1 }],
  "of a create with a condition": [{ op: "create", key: "new", value: "x", lastRevision: 0 }],
  "of an update without a revision": [{ op: "update", key: "key", value: "x" }],
  "of an update with null": [{ op: "update", key: "key", value: "x", lastRevision: null }],
  "of a delete with a value": [{ op: "delete", key: "key", value: "x" }],
  "of a delete with a ttl": [{ op: "delete", key: "key", ttl: 1000 }],
  "of a delete with undefined as revision": [{ op: "delete", key: "key", lastRevision: undefined }],
  "of a delete with 0 as revision": [{ op: "delete", key: "key", lastRevision: 0 }],
  "of a purge with undefined as revision": [{ op: "purge", key: "key", lastRevision: undefined }],
  "of a check without a revision": [{ op: "check", key: "key" }],
  "of a check with undefined": [{ op: "check", key: "key", lastRevision: undefined }],
  "of a check with a fraction": [{ op: "check", key: "key", lastRevision: 0.5 }],
  "of a check with a value": [{ op: "check", key: "key", lastRevision: 1, value: "x" }],
  "of an unknown field": [{ ...put, note: "x" }],
  "of a signal in an operation": [{ ...put, signal: new AbortController().signal }],
};

/** An argument as it may stand in the name of a case. */
export function shown(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
