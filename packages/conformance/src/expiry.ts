import type { Capabilities, KeyValue } from "@revkv/api";
import { eventually } from "./expect.ts";
import type { ScenarioEnv } from "./scenario.ts";

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
