import type { Comparison } from "./comparison.ts";
import type { Setup, Store } from "./store.ts";

/** The comparison of each adapter; loaded when it is asked for, since each brings clients of its own. */
const comparisons: Readonly<Record<string, () => Promise<{ readonly default: Comparison }>>> = {
  memory: () => import("./memory.ts"),
  sqlite: () => import("./sqlite.ts"),
  postgres: () => import("./postgres.ts"),
  redis: () => import("./redis.ts"),
  nats: () => import("./nats.ts"),
};

export const adapters: readonly string[] = Object.keys(comparisons);

/** Undefined when there is no such adapter. */
export async function comparisonOf(adapter: string): Promise<Comparison | undefined> {
  return (await comparisons[adapter]?.())?.default;
}

/** A store that a process of its own is to open. */
export interface StoreSpecification extends Setup {
  readonly adapter: string;
  /** The name of a subject of the adapter's comparison. */
  readonly subject: string;
  /** How many keys it is to hold. */
  readonly size: number;
  readonly valueBytes?: number | undefined;
}

/** Opens a store; it is empty still. */
export async function openStore({ adapter, subject, kind, variant }: StoreSpecification): Promise<Store> {
  const found = (await comparisonOf(adapter))?.subjects.find(({ name }) => name === subject);
  if (found === undefined) throw new Error(`there is no subject "${subject}" of "${adapter}"`);
  return found.open({ kind, variant });
}
