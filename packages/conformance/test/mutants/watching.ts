import type { KeyValue, KeyValueEntry, KeyWatcher, WatchOptions } from "@revkv/api";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import { call, onCalls, onItems, onWatched } from "./layers.ts";
import type { Item, Layer, Mutant } from "./mutant.ts";
import { mutant, overriding, withItems } from "./mutant.ts";

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

async function watchedFrom(kv: KeyValue, filter: string | readonly string[], revision: number): Promise<KeyWatcher> {
  return await kv.watch(filter, { resumeFromRevision: revision });
}

/** A layer in which some markers that were removed for good are not remembered as such. */
function forgetting(compactedTo: (known: number) => number): Layer {
  return {
    bucket: (bucket) => ({
      head: async () => {
        const head = await bucket.head(call);
        return { ...head, compactedTo: compactedTo(head.compactedTo) };
      },
      readLog: async (query) => {
        const page = await bucket.readLog(query, call);
        return { ...page, head: { ...page.head, compactedTo: compactedTo(page.head.compactedTo) } };
      },
      describe: async () => {
        const description = await bucket.describe(call);
        return { ...description, compactedTo: compactedTo(description.compactedTo) };
      },
    }),
  };
}

/** Adapters whose watchers deliver something else than they should (rules W1 to W8, W12). */
export const deliveryMutants: readonly Mutant[] = [
  mutant("W1", "forgets null on an empty bucket", () =>
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
  mutant("W3", "hides only DEL markers with ignoreDeletes", () => hiding(({ operation }) => operation === "DEL")),
  mutant("W3", "shows expiry markers in spite of ignoreDeletes", () =>
    hiding(({ operation, reason }) => operation !== "PUT" && reason === undefined),
  ),
  mutant("W3", "hides null with the markers", () =>
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
  mutant("W5", "resumes behind the revision instead of at it", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const from = options?.resumeFromRevision;
        if (from === undefined || !Number.isInteger(from)) return await kv.watch(filter, options);
        const { lastRevision } = await kv.status();
        return await kv.watch(filter, { ...options, resumeFromRevision: from <= lastRevision ? from + 1 : from });
      },
    })),
  ),
  mutant("W5", "gives each key's newest entry only when it resumes", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const watcher = await kv.watch(filter, options);
        if (options?.resumeFromRevision === undefined) return watcher;
        const newest = new Map((await kv.history(">")).map((entry) => [entry.key, entry.revision]));
        return withItems(watcher, async function* (items) {
          let live = false;
          for await (const item of items) {
            live ||= item === null;
            if (item === null || live || newest.get(item.key) === item.revision) yield item;
          }
        });
      },
    })),
  ),
  mutant("W5", "waits for a revision that is too far ahead", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        try {
          return await kv.watch(filter, options);
        } catch (error) {
          if (!isKeyValueError(error, "HISTORY_LOST")) throw error;
          return await kv.watch(filter, { updatesOnly: true });
        }
      },
    })),
  ),
  mutant("W5", "resumes on a bucket whatever its incarnation", () =>
    onOptions(({ resumeIncarnation: _, ...options }) => options),
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
  mutant("W12", "goes by the first of several filters", () =>
    onCalls((kv) => ({
      watch: (filter, options) => kv.watch(Array.isArray(filter) && filter.length > 0 ? filter[0] : filter, options),
    })),
  ),
  mutant("W12", "watches keys of one token only with watchAll", () =>
    onCalls((kv) => ({ watchAll: (options) => kv.watch("*", options) })),
  ),
];

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

/** Adapters whose watchers do not end as they should, or do not notice what they missed (rules W9, W13, W14). */
export const watcherEndMutants: readonly Mutant[] = [
  mutant("W9", "fails when a watcher is stopped again", () => ({
    watcher: (watcher) => {
      let stopped = false;
      return {
        stop: async () => {
          if (stopped) throw new Error("stopped already");
          stopped = true;
          await watcher.stop();
        },
      };
    },
  })),
  mutant("W9", "lets a next() that waits wait on when the watcher is stopped", () => ({
    watcher: () => ({ stop: async () => undefined }),
  })),
  mutant("W9", "ends normally when its signal is aborted", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const watcher = await kv.watch(filter, options);
        return withItems(watcher, async function* (items) {
          try {
            yield* items;
          } catch (error) {
            if (options?.signal?.aborted !== true) throw error;
          }
        });
      },
    })),
  ),
  mutant("W9", "ignores its signal once it watches", () =>
    onCalls((kv) => ({
      watch: (filter, options) => {
        if (options?.signal?.aborted === true) return kv.watch(filter, options);
        const { signal: _, ...others } = options ?? {};
        return kv.watch(filter, others);
      },
    })),
  ),
  mutant("W9", "can be iterated twice", () => {
    return {
      watcher: (watcher) => {
        const items = watcher[Symbol.asyncIterator]();
        return { [Symbol.asyncIterator]: () => items };
      },
    };
  }),
  mutant("W9", "goes on watching when a callback throws", () => ({
    watcher: (watcher) => ({
      forEach: async (callback) => {
        for await (const item of watcher) {
          try {
            await callback(item);
          } catch {}
        }
      },
    }),
  })),
  mutant("W9", "does not wait for what a callback returns", () => ({
    watcher: (watcher) => ({
      forEach: async (callback) => {
        for await (const item of watcher) void Promise.resolve(callback(item)).catch(() => undefined);
      },
    }),
  })),
  mutant("W9", "leaves a listener on its signal", () =>
    onCalls((kv) => ({
      watch: (filter, options) => {
        options?.signal?.addEventListener?.("abort", () => undefined);
        return kv.watch(filter, options);
      },
    })),
  ),
  mutant("W9", "goes on when a loop over it is left early", () => ({
    watcher: (watcher) => ({
      [Symbol.asyncIterator]: () => {
        const items = watcher[Symbol.asyncIterator]();
        return { next: () => items.next() };
      },
    }),
  })),
  mutant("W13", "does not know what was removed for good", () => forgetting(() => 0)),
  mutant("W13", "ends a watcher that starts afresh for what was removed before", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        const { compactedTo, lastRevision } = await kv.status();
        if (compactedTo > 0 && compactedTo === lastRevision) {
          throw new KeyValueError("REVISION_COMPACTED", "compacted");
        }
        return await kv.watch(filter, options);
      },
    })),
  ),
  mutant("W13", "lets a watcher resume one revision too early", () => forgetting((known) => Math.max(0, known - 1))),
  mutant("W13", "takes every value that expired for a compaction", () => {
    const expired = new Map<string, number>();
    return {
      bucket: (bucket) => ({
        describe: async () => {
          const description = await bucket.describe(call);
          const { revision, values } = description;
          if (values === 0) expired.set(bucket.incarnation, revision);
          return {
            ...description,
            compactedTo: Math.max(description.compactedTo, expired.get(bucket.incarnation) ?? 0),
          };
        },
      }),
    };
  }),
  mutant("W13", "resumes from what is left when a marker is gone", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        try {
          return await kv.watch(filter, options);
        } catch (error) {
          if (!isKeyValueError(error, "REVISION_COMPACTED")) throw error;
          return await watchedFrom(kv, filter, error.compactedTo + 1);
        }
      },
    })),
  ),
  mutant("W14", "resumes on a storage that never got so far", () =>
    onCalls((kv) => ({
      watch: async (filter, options) => {
        try {
          return await kv.watch(filter, options);
        } catch (error) {
          if (!isKeyValueError(error, "HISTORY_LOST")) throw error;
          return await kv.watch(filter);
        }
      },
    })),
  ),
];
