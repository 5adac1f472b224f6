import type { Value } from "./store.ts";
import type { Workload } from "./workload.ts";
import { keysPerPrefix } from "./workload.ts";

/** A task that was got ready: what is measured, and what puts an end to it. */
interface Task {
  /** Carries out some operations; returns how many. */
  batch(): Promise<number>;
  end?(): Promise<void>;
}

/** How many operations a batch has, unless they are slow. */
const batchSize = 1000;

/** How many operations are in flight at a time where it is more than one. */
const together = 64;

export type TaskName =
  | "put"
  | "get"
  | "put, 64 at once"
  | "get, 64 at once"
  | "keys"
  | "1 watcher"
  | "100 watchers"
  | "1,000 watchers";

/** Gets a task ready; undefined when the store cannot do it. */
type Prepare = (workload: Workload) => Task | undefined | Promise<Task | undefined>;

/** Every task, by its name. */
export const tasks: Readonly<Record<TaskName, Prepare>> = {
  put: (workload) => ({
    async batch() {
      for (let count = 0; count < batchSize; count += 1) await workload.store.put(workload.key(), workload.value());
      return batchSize;
    },
  }),

  get: (workload) => {
    const { store } = workload;
    return {
      async batch() {
        let length = 0;
        for (let count = 0; count < batchSize; count += 1) length += store.read(await store.get(workload.key())).length;
        return checked(batchSize, length > 0);
      },
    };
  },

  "put, 64 at once": (workload) => ({
    async batch() {
      const { store } = workload;
      if (store.putTogether !== undefined) {
        const entries: [string, Value][] = [];
        for (let count = 0; count < together; count += 1) entries.push([workload.key(), workload.value()]);
        await store.putTogether(entries);
        return together;
      }
      const puts: unknown[] = [];
      for (let count = 0; count < together; count += 1) puts.push(store.put(workload.key(), workload.value()));
      await Promise.all(puts);
      return together;
    },
  }),

  "get, 64 at once": (workload) => {
    const { store } = workload;
    return {
      async batch() {
        const gets: unknown[] = [];
        for (let count = 0; count < together; count += 1) gets.push(store.get(workload.key()));
        let length = 0;
        for (const answer of await Promise.all(gets)) length += store.read(answer).length;
        return checked(together, length > 0);
      },
    };
  },

  keys: (workload) => {
    const { store } = workload;
    return store.keys === undefined
      ? undefined
      : {
          async batch() {
            const keys = await store.keys?.(workload.prefix());
            return checked(1, keys?.length === keysPerPrefix);
          },
        };
  },

  "1 watcher": watched(1),
  "100 watchers": watched(100),
  "1,000 watchers": watched(1000),
};

/** Puts, each awaited until every one of the watchers was given its entry. */
function watched(watchers: number): Prepare {
  return async (workload) => {
    const { store } = workload;
    if (store.watch === undefined) return undefined;
    let missing = 0;
    let allGiven: () => void = () => undefined;
    const onEntry = (): void => {
      missing -= 1;
      if (missing === 0) allGiven();
    };
    const stops: (() => unknown)[] = [];
    for (let count = 0; count < watchers; count += 1) stops.push(await store.watch(onEntry));
    return {
      async batch() {
        const puts = batchSize / watchers;
        for (let count = 0; count < puts; count += 1) {
          missing = watchers;
          const given = new Promise<void>((resolve) => {
            allGiven = resolve;
          });
          await store.put(workload.key(), workload.value());
          await given;
        }
        return puts;
      },
      async end() {
        for (const stop of stops) await stop();
      },
    };
  };
}

/** Whoever gives less than was asked for is not measured. */
function checked(operations: number, right: boolean): number {
  if (!right) throw new Error("the store did not give what was put into it");
  return operations;
}
