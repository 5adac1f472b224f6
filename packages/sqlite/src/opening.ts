import type { Call } from "@revkv/api/adapter";

/** What our tables are called in a file of our own. */
export const defaultPrefix = "revkv_";

/** How long a step may wait unless told otherwise, in milliseconds (rule E3). */
const defaultTimeout = 5000;

/** The wait for locks while a storage is opened. */
export function openingCall(timeout: number | undefined): Call {
  return { signal: AbortSignal.timeout(timeout ?? defaultTimeout) };
}
