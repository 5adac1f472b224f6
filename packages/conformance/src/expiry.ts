import type { ScenarioEnv } from "./scenario.ts";

/** Lets time pass until what was written before with this ttl, in milliseconds, has expired for every reader (T1). */
export async function outlive(env: ScenarioEnv, ttl: number): Promise<void> {
  await env.pass(ttl + env.capabilities.ttlResolutionMs);
}
