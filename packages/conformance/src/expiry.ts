import type { Capabilities, KeyValue, KeyValueEntry } from "@revkv/api";
import { eventually } from "./expect.ts";
import type { ScenarioEnv } from "./scenario.ts";

/** A ttl long enough to read something before it expires, in milliseconds; what is not read may have a shorter one. */
export const readable = 2_000;

/** A ttl that no scenario waits for, in milliseconds. */
export const hour = 3_600_000;

/** How long an entry lives as a whole, in milliseconds; undefined when it does not expire. */
export function lifetime(entry: KeyValueEntry | null | undefined): number | undefined {
  return entry?.expiresAt && entry.expiresAt.getTime() - entry.created.getTime();
}

/** Lets time pass until what was written before with this ttl, in milliseconds, has expired for every reader (T1). */
export async function outlive(env: ScenarioEnv, ttl: number): Promise<void> {
  await env.pass(ttl + env.capabilities.ttlResolutionMs);
}

/** Tells whether buckets can have expiry markers, and single writes a ttl (rules T2, T3). */
export function expiryMarkers({ limitMarkers, perKeyTtl }: Capabilities): boolean {
  return limitMarkers && perKeyTtl;
}

/** Waits until due expiries have been carried out so far that the bucket's newest revision is this one. */
export async function reaches(kv: KeyValue, revision: number): Promise<void> {
  await eventually(`revision ${revision}`, async () => (await kv.status()).lastRevision >= revision);
}
