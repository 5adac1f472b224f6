import { toNanos } from "./wire.ts";

/** How long a pull waits for messages, and how often the server says that it still does, in milliseconds. */
export interface Pace {
  readonly expires: number;
  readonly heartbeat: number;
}

export const quick: Pace = { expires: 5_000, heartbeat: 100 };
export const calm: Pace = { expires: 30_000, heartbeat: 1_000 };

/** Asks a consumer for so many messages, and about so many bytes. */
export function pullRequest({ expires, heartbeat }: Pace, batch: number, maxBytes: number): string {
  return JSON.stringify({
    batch,
    max_bytes: maxBytes,
    expires: toNanos(expires),
    idle_heartbeat: toNanos(heartbeat),
  });
}
