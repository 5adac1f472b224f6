import type { KeyValueEntry, KeyWatcher, WatchOptions } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import { afterTurns, afterWrites, call, onCalls, onItems, onWatched } from "./layers.ts";
import type { Item, Layer, Mutant } from "./mutant.ts";
import { mutant, overriding, waitingMutant, withItems } from "./mutant.ts";

/** A layer in which a watch is begun with other options. */
function onOptions(change: (options: WatchOptions) => WatchOptions): Layer {
  return onCalls((kv) => ({ watch: (filter, options) => kv.watch(filter, options && change(options)) }));
}

/** A watcher that is opened when it is first asked for an item. */
function openedLater(open: () => Promise<KeyWatcher>): KeyWatcher {
  let opened: Promise<KeyWatcher> | undefined;
  let claimed = false;
  const watcher = (): Promise<KeyWatcher> => {
    opened ??= open();
    return opened;
  };
  const iterator = async function* (): AsyncGenerator<Item, void, undefined> {
    yield* await watcher();
  };
  const lazy: KeyWatcher = {
    [Symbol.asyncIterator]: () => {
      if (claimed) return { next: () => Promise.reject(new KeyValueError("INVALID_ARGUMENT", "once")) };
      claimed = true;
      return iterator();
    },
    forEach: async (callback) => (await watcher()).forEach(callback),
    stop: async () => (await watcher()).stop(),
    [Symbol.asyncDispose]: async () => (await watcher()).stop(),
  };
  return lazy;
}

/** Everything that a watcher delivers, read as fast as it comes and held until it is asked for. */
async function* prefetched(items: AsyncIterable<Item>): AsyncGenerator<Item, void, undefined> {
  const held: Item[] = [];
  let ended: { readonly error?: unknown } | undefined;
  let wake = (): void => undefined;
  const reading = (async () => {
    for await (const item of items) {
      held.push(item);
      wake();
    }
  })();
  reading.then(
    () => {
      ended = {};
      wake();
    },
    (error: unknown) => {
      ended = { error };
      wake();
    },
  );
  for (;;) {
    const item = held.shift();
    if (item !== undefined) {
      yield item;
    } else if (ended !== undefined) {
      if ("error" in ended) throw ended.error;
      return;
    } else {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}

/** A layer in which ignoreDeletes hides just these. */
function hiding(isHidden: (entry: KeyValueEntry) => boolean): Layer {
  return onCalls((kv) => ({
    watch: async (filter, options) => {
      if (options?.ignoreDeletes !== true) return await kv.watch(filter, options);
      const watcher = await kv.watch(filter, { ...options, ignoreDeletes: false });
      return withItems(watcher, async function* (items) {
        for await (const item of items) if (item === null || !isHidden(item)) yield item;
      });
    },
  }));
}

/** Adapters whose watchers deliver something else than they should (rules W1 to W4, W6 to W8, W12). */
export const deliveryMutants: readonly Mutant[] = [
  waitingMutant("W1", "forgets null on an empty bucket", () =>
    onItems(async function* (items) {
      let seen = 0;
      for await (const item of items) {
        seen += 1;
        if (item !== null || seen > 1) yield item;
      }
    }),
  ),
  mutant("W1", "gives null again after the first update", () =>
    onItems(async function* (items) {
      let [live, again] = [false, false];
      for await (const item of items) {
        yield item;
        if (item === null) live = true;
        else if (live && !again) {
          again = true;
          yield null;
        }
      }
    }),
  ),
  mutant("W1", "gives the initial set in the order of the keys", () =>
    onItems(async function* (items) {
      const initial: KeyValueEntry[] = [];
      let live = false;
      for await (const item of items) {
        if (live) yield item;
        else if (item !== null) initial.push(item);
        else {
          live = true;
          yield* initial.sort((a, b) => (a.key < b.key ? -1 : 1));
          yield null;
        }
      }
    }),
  ),
  mutant("W1", "leaves markers out of the initial set", () =>
    onWatched((entry, live) => (live || entry.operation === "PUT" ? entry : undefined)),
  ),
  mutant("W1", "draws the line when the watcher is first read", () =>
    onCalls((kv) => ({ watch: async (filter, options) => openedLater(() => kv.watch(filter, options)) })),
  ),
  mutant("W1", "gives older entries of a key in the initial set", () =>
    onCalls((kv) => ({
      watch: (filter, options) =>
        kv.watch(
          filter,
          options?.resumeFromRevision === undefined && options?.updatesOnly !== true
            ? { ...options, includeHistory: true }
            : options,
        ),
    })),
  ),
  waitingMutant("W1", "delivers no update of a key that was in the initial set until another key comes", () =>
    onItems(async function* (items) {
      const initial = new Set<string>();
      let live = false;
      for await (const item of items) {
        live ||= item === null;
        if (item !== null && !live) initial.add(item.key);
        if (item === null || !live || !initial.delete(item.key)) yield item;
      }
    }),
  ),
  mutant("W2", "ignores includeHistory", () => onOptions((options) => ({ ...options, includeHistory: false }))),
  mutant("W2", "ignores updatesOnly", () =>
    onOptions((options) => (options.includeHistory === true ? options : { ...options, updatesOnly: false })),
  ),
  mutant("W2", "takes updatesOnly when includeHistory is asked for too", () =>
    onOptions((options) => (options.updatesOnly === true ? { ...options, includeHistory: false } : options)),
  ),
  mutant("W2", "misses what is written between an updatesOnly watch and its first read", () =>
    onCalls((kv) => ({
      watch: async (filter, options) =>
        options?.updatesOnly === true ? openedLater(() => kv.watch(filter, options)) : await kv.watch(filter, options),
    })),
  ),
  mutant("W2", "goes by whether an option is there and not by its value", () =>
    onOptions((options) => ({
      ...options,
      ...("updatesOnly" in options && !("includeHistory" in options) ? { updatesOnly: true } : {}),
      ...("includeHistory" in options && !("updatesOnly" in options) ? { includeHistory: true } : {}),
      ...("includeHistory" in options && "updatesOnly" in options && options.includeHistory !== true
        ? { updatesOnly: true }
        : {}),
    })),
  ),
  mutant("W3", "hides only DEL markers with ignoreDeletes", () => hiding(({ operation }) => operation === "DEL")),
  mutant("W3", "shows expiry markers in spite of ignoreDeletes", () =>
    hiding(({ operation, reason }) => operation !== "PUT" && reason === undefined),
  ),
  waitingMutant("W3", "hides null with the markers", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const watcher = await kv.watch(filter, options);
        if (options?.ignoreDeletes !== true) return watcher;
        return withItems(watcher, async function* (items) {
          let initial = 0;
          for await (const item of items) {
            if (item !== null || initial > 0) yield item;
            initial += 1;
          }
        });
      },
    })),
  ),
  mutant("W3", "hides markers in the initial set only", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        if (options?.ignoreDeletes !== true) return await kv.watch(filter, options);
        const watcher = await kv.watch(filter, { ...options, ignoreDeletes: false });
        return withItems(watcher, async function* (items) {
          let live = false;
          for await (const item of items) {
            live ||= item === null;
            if (item === null || live || item.operation === "PUT") yield item;
          }
        });
      },
    })),
  ),
  mutant("W3", "hides the values before a marker with it", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const hides = options?.ignoreDeletes === true && options.includeHistory === true;
        return await kv.watch(filter, hides ? { ...options, includeHistory: false } : options);
      },
    })),
  ),
  mutant("W4", "gives values in spite of metaOnly", () => onOptions((options) => ({ ...options, metaOnly: false }))),
  mutant("W4", "says that a value left out is empty", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const watcher = await kv.watch(filter, options);
        if (options?.metaOnly !== true) return watcher;
        return withItems(watcher, async function* (items) {
          for await (const item of items) yield item === null ? null : overriding(item, { length: 0 });
        });
      },
    })),
  ),
  mutant("W6", "never sets isUpdate", () => ({ entry: () => ({ isUpdate: false }) })),
  mutant("W6", "sets isUpdate in the initial set", () => onWatched((entry) => overriding(entry, { isUpdate: true }))),
  mutant("W6", "sets isUpdate on what is read", () => ({ entry: () => ({ isUpdate: true }) })),
  mutant("W7", "loses an update now and then", () =>
    onWatched((entry, live) => (live && entry.revision % 17 === 0 ? undefined : entry)),
  ),
  mutant("W7", "delivers an update twice", () =>
    onItems(async function* (items) {
      let live = false;
      for await (const item of items) {
        live ||= item === null;
        yield item;
        if (live && item !== null && item.revision % 17 === 0) yield item;
      }
    }),
  ),
  mutant("W7", "delivers updates out of order", () =>
    onItems(async function* (items) {
      let held: Item | undefined;
      for await (const item of items) {
        if (held === undefined && item !== null && item.isUpdate && item.revision % 5 === 0) {
          held = item;
          continue;
        }
        yield item;
        if (held !== undefined) yield held;
        held = undefined;
      }
    }),
  ),
  mutant("W7", "loses what is written while the watch is being set up", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        if (options !== undefined) return await kv.watch(filter, options);
        const initial = await kv.history(filter);
        await new Promise((resolve) => setImmediate(resolve));
        const updates = await kv.watch(filter, { updatesOnly: true });
        return withItems(updates, async function* (items) {
          yield* new Map(initial.map((entry) => [entry.key, entry])).values();
          yield* items;
        });
      },
    })),
  ),
  mutant("W7", "delivers a value from a page that was read before it was purged", () => onItems(prefetched)),
  mutant("W7", "delivers a value that was purged while the watcher lagged", () => {
    const purged = new Map<string, KeyValueEntry[]>();
    return {
      keyValue: (kv) => ({
        purge: async (key, options) => {
          purged.set(key, await kv.history(key));
          return await kv.purge(key, options);
        },
      }),
      items: async function* (items) {
        for await (const item of items) {
          if (item?.operation === "PURGE") yield* purged.get(item.key) ?? [];
          yield item;
        }
      },
    };
  }),
  mutant("W7", "notices late what another manager has purged", () => ({
    bucket: (bucket) => ({
      subscribe: (wake) => bucket.subscribe(() => void afterTurns(200).then(wake), call),
    }),
  })),
  mutant("W7", "skips what a filter would have to look through when it is far behind", () => ({
    bucket: (bucket) => ({
      readLog: async (query) => {
        const { revision } = await bucket.head(call);
        const far = query.upTo === undefined && revision - query.after.revision > 12_500;
        return await bucket.readLog(far ? { ...query, after: { revision: revision - 12_500 } } : query, call);
      },
    }),
  })),
  mutant("W8", "holds all that is written for a consumer that does not read", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const watcher = await kv.watch(filter, options);
        const items = prefetched(watcher);
        const first = items.next();
        return withItems(watcher, async function* () {
          const { done, value } = await first;
          if (done === true) return;
          yield value;
          yield* items;
        });
      },
    })),
  ),
  mutant("W8", "drops an item for a consumer that pauses", () => {
    let written = 0;
    const counting = afterWrites(() => {
      written += 1;
      return undefined;
    });
    const dropping = onItems(async function* (items) {
      let paused = false;
      for await (const item of items) {
        const drops = paused && item !== null;
        const before = written;
        if (!drops) yield item;
        // Much was written between two calls of next(), by the consumer or while it did something else.
        paused = written - before > 1000;
      }
    });
    return { ...counting, ...dropping };
  }),
  mutant("W12", "goes by the first of several filters", () =>
    onCalls((kv) => ({
      watch: (filter, options) => kv.watch(Array.isArray(filter) && filter.length > 0 ? filter[0] : filter, options),
    })),
  ),
  mutant("W12", "watches keys of one token only with watchAll", () =>
    onCalls((kv) => ({ watchAll: (options) => kv.watch("*", options) })),
  ),
];
