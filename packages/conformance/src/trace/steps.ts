import fc from "fast-check";

/**
 * Which revision a conditional write names, relative to the state in which it is carried out: that of the key's newest
 * entry, the one before that, one that was not given yet, 0, or the one that the operation before it in the same
 * transaction writes.
 */
export type At = "newest" | "before" | "ahead" | "none" | "previous";

/** Durations in traces are counted in these, half a unit less each, so that nothing is ever due just now; ms. */
export const timeUnit = 100_000;

/** What a number of units means as a ttl or an age, in milliseconds. */
export function duration(units: number): number {
  return units === 0 ? 0 : units * timeUnit - timeUnit / 2;
}

interface OnKey {
  readonly key: string;
}

/** A write of one key, alone or in a transaction. */
export type WriteStep =
  | (OnKey & { readonly do: "put" | "create"; readonly value: Uint8Array; readonly ttl?: number | undefined })
  | (OnKey & {
      readonly do: "update";
      readonly value: Uint8Array;
      readonly at: At;
      readonly ttl?: number | undefined;
    })
  | (OnKey & { readonly do: "delete"; readonly at?: At | undefined })
  | (OnKey & { readonly do: "purge"; readonly at?: At | undefined; readonly ttl?: number | undefined });

export type CheckStep = OnKey & { readonly do: "check"; readonly at: At | "not-live" };

/** How a watcher of a trace starts. */
export interface WatchStart {
  readonly includeHistory?: boolean | undefined;
  readonly updatesOnly?: boolean | undefined;
  readonly ignoreDeletes?: boolean | undefined;
  readonly metaOnly?: boolean | undefined;
  /** Where to resume, as a share of the revisions there are, in percent; above 100: beyond the next revision. */
  readonly resume?: number | undefined;
}

type Filter = string | readonly string[];

export type Step =
  | WriteStep
  | { readonly do: "transaction"; readonly operations: readonly (WriteStep | CheckStep)[] }
  | { readonly do: "burst"; readonly puts: readonly { readonly key: string; readonly value: Uint8Array }[] }
  | { readonly do: "get"; readonly key: string }
  | { readonly do: "getRevision"; readonly key: string; readonly back: number }
  | { readonly do: "getMany"; readonly keys: readonly string[] }
  | { readonly do: "keys" | "entries"; readonly filter: Filter }
  | {
      readonly do: "history";
      readonly filter: Filter;
      readonly ignoreDeletes: boolean;
      readonly metaOnly: boolean;
    }
  | { readonly do: "deleteAll" | "purgeAll"; readonly filter: Filter }
  | { readonly do: "purgeDeletes"; readonly olderThan: number }
  | { readonly do: "status" }
  | { readonly do: "configure"; readonly history?: number | undefined; readonly ttl?: number | undefined }
  | { readonly do: "watch"; readonly filter: Filter; readonly start: WatchStart }
  | { readonly do: "pass"; readonly units: number };

/** What a trace may contain. */
export interface Repertoire {
  readonly transactions: boolean;
  readonly multipleFilters: boolean;
  /** Writes have a ttl now and then. */
  readonly ttl: boolean;
  /** Time passes now and then. */
  readonly time: boolean;
  /** Watchers are started on the way. */
  readonly watches: boolean;
  /** The bucket's ttl changes now and then. */
  readonly bucketTtl: boolean;
  /** Steps of which the contract leaves open in which order they write: bursts, deleteAll and purgeAll. */
  readonly unordered: boolean;
  /** Values may be this long, in bytes. */
  readonly longestValue: number;
}

const keys = ["a", "b", "A", "a.b", "a.c", "a.b.c", "b.c", "a-b"];
const filters = [">", "a", "*", "a.*", "a.>", "*.c", "*.*", "a.*.c", "b.>", "none.>"];

/** Steps at random, of those that the repertoire has. */
export function steps(
  repertoire: Repertoire,
  length: { readonly minLength: number; readonly maxLength: number },
): fc.Arbitrary<Step[]> {
  const key = fc.constantFrom(...keys);
  const value = fc.uint8Array({ maxLength: repertoire.longestValue });
  const filter = filterIn(repertoire);
  const at = fc.constantFrom<At>("newest", "newest", "newest", "before", "ahead", "none");
  const ttl = repertoire.ttl ? fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }) : fc.constant(undefined);
  // A marker never outlives a value that is put over it: which of the two went first would be a question of noise.
  const markerTtl = repertoire.ttl ? fc.constantFrom(undefined, 1) : fc.constant(undefined);
  const conditional = fc.option(at, { nil: undefined });
  const write: fc.Arbitrary<WriteStep> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("put" as const), key, value, ttl }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("create" as const), key, value, ttl }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("update" as const), key, value, at, ttl }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), key, at: conditional }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("purge" as const), key, at: conditional, ttl: markerTtl }) },
  );
  const boolean = fc.boolean();
  const choices: { weight: number; arbitrary: fc.Arbitrary<Step> }[] = [
    { weight: 20, arbitrary: write },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("get" as const), key }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("getRevision" as const), key, back: fc.nat({ max: 6 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("getMany" as const), keys: fc.array(key, { maxLength: 5 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("keys" as const, "entries" as const), filter }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("history" as const),
        filter,
        ignoreDeletes: boolean,
        metaOnly: boolean,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("purgeDeletes" as const), olderThan: fc.constantFrom(0, 0, 1, 3) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("status" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("configure" as const),
        history: fc.constantFrom(1, 2, 3, 5),
        ttl: repertoire.bucketTtl ? fc.constantFrom(undefined, 2, 4) : fc.constant(undefined),
      }),
    },
  ];
  if (repertoire.unordered) {
    choices.push(
      { weight: 1, arbitrary: fc.record({ do: fc.constant("burst" as const), puts: bursts(key, value) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("deleteAll" as const, "purgeAll" as const), filter }) },
    );
  }
  if (repertoire.transactions) choices.push({ weight: 4, arbitrary: transactions(write, key, at) });
  if (repertoire.watches) choices.push({ weight: 2, arbitrary: watches(filter) });
  if (repertoire.time) {
    choices.push({
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("pass" as const), units: fc.integer({ min: 1, max: 2 }) }),
    });
  }
  return fc.array(fc.oneof(...choices), { ...length, size: "max" });
}

/** Filters at random, for watchers and reads. */
export function filterIn(repertoire: Pick<Repertoire, "multipleFilters">): fc.Arbitrary<Filter> {
  const one = fc.constantFrom<Filter>(...filters, [], ["a.*"]);
  if (!repertoire.multipleFilters) return one;
  const several = fc.array(fc.constantFrom(...filters, ...keys), { minLength: 2, maxLength: 4 });
  return fc.oneof({ weight: 3, arbitrary: one }, { weight: 1, arbitrary: several });
}

function bursts(
  key: fc.Arbitrary<string>,
  value: fc.Arbitrary<Uint8Array>,
): fc.Arbitrary<{ key: string; value: Uint8Array }[]> {
  return fc.array(fc.record({ key, value }), { minLength: 2, maxLength: 6 });
}

function transactions(
  write: fc.Arbitrary<WriteStep>,
  key: fc.Arbitrary<string>,
  at: fc.Arbitrary<At>,
): fc.Arbitrary<Step> {
  const check = fc.record({
    do: fc.constant("check" as const),
    key,
    at: fc.oneof(at, fc.constant("not-live" as const)),
  });
  const put = write.filter((step) => step.do === "put");
  // Two operations on one key, the second on condition of the first.
  const pair = fc
    .tuple(put, fc.uint8Array({ maxLength: 4 }))
    .map(([first, value]): WriteStep[] => [first, { do: "update", key: first.key, value, at: "previous" }]);
  const single = fc.oneof(
    { weight: 3, arbitrary: write },
    { weight: 3, arbitrary: put },
    { weight: 1, arbitrary: check },
  );
  const operations = fc
    .array(fc.oneof({ weight: 6, arbitrary: single.map((one) => [one]) }, { weight: 1, arbitrary: pair }), {
      minLength: 1,
      maxLength: 4,
    })
    .map((parts) => parts.flat());
  return fc.record({ do: fc.constant("transaction" as const), operations });
}

function watches(filter: fc.Arbitrary<Filter>): fc.Arbitrary<Step> {
  const flag = fc.constantFrom(undefined, true);
  const start = fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    { weight: 2, arbitrary: fc.constant({ includeHistory: true }) },
    { weight: 1, arbitrary: fc.constant({ updatesOnly: true }) },
    { weight: 2, arbitrary: fc.nat({ max: 110 }).map((resume) => ({ resume })) },
    { weight: 1, arbitrary: fc.constant({ updatesOnly: true, includeHistory: true }) },
  );
  return fc.record({
    do: fc.constant("watch" as const),
    filter,
    start: fc.tuple(start, flag, flag).map(([from, ignoreDeletes, metaOnly]) => ({ ...from, ignoreDeletes, metaOnly })),
  });
}
