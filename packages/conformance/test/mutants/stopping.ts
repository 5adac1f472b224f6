import { onCalls } from "./layers.ts";
import type { Mutant } from "./mutant.ts";
import { mutant, waitingMutant, withItems } from "./mutant.ts";

/** Adapters whose watchers do not end as they should (rule W9). */
export const stoppingMutants: readonly Mutant[] = [
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
  waitingMutant("W9", "goes on watching when a callback throws", () => ({
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
  waitingMutant("W9", "does not wait for what a callback returns", () => ({
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
  mutant("W9", "begins to watch though its signal was aborted before", () =>
    onCalls((kv) => ({
      watch: (filter, options) => {
        if (options?.signal?.aborted !== true) return kv.watch(filter, options);
        const { signal: _, ...others } = options;
        return kv.watch(filter, others);
      },
    })),
  ),
  waitingMutant("W9", "is not stopped when it is disposed of", () => ({
    watcher: () => ({ [Symbol.asyncDispose]: async () => undefined }),
  })),
  mutant("W9", "answers calls of next() that wait in any order", () => ({
    watcher: (watcher) => {
      let claimed = false;
      return {
        [Symbol.asyncIterator]: () => {
          const items = watcher[Symbol.asyncIterator]();
          if (claimed) return items;
          claimed = true;
          const held: ((result: Awaited<ReturnType<typeof items.next>>) => void)[] = [];
          const next = async (): Promise<Awaited<ReturnType<typeof items.next>>> =>
            await new Promise((resolve, reject) => {
              held.unshift(resolve);
              items.next().then((result) => held.shift()?.(result), reject);
            });
          return { next, return: async () => (await items.return?.()) ?? { done: true, value: undefined } };
        },
      };
    },
  })),
];
