import assert from "node:assert/strict";
import type { KeyValueError, KeyValueErrorCode } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { collect, within } from "./expect.ts";
import type { HarnessStorage } from "./harness.ts";

const awayCodes: ReadonlySet<KeyValueErrorCode> = new Set(["UNAVAILABLE", "OUTCOME_UNKNOWN", "TIMEOUT"]);

/** Tells whether an error says that the storage is not there, or was gone before it answered. */
export function isAway(error: unknown): error is KeyValueError {
  return isKeyValueError(error) && awayCodes.has(error.code);
}

/** How long a call in the outage may wait for an answer that must not come, in milliseconds. */
const probeTimeout = 2_000;

/** How long a restart may take, in milliseconds. */
const restartTimeout = 60_000;

/**
 * Restarts a storage and asserts that it was away: a client that was connected before gets no answer meanwhile. `during`
 * is called then.
 */
export async function restart(
  storage: HarnessStorage,
  during: () => void | Promise<void> = () => undefined,
): Promise<void> {
  assert.ok(storage.restart !== undefined, "the harness can restart its storage");
  const client = await storage.open({ timeout: probeTimeout });
  await within("an answer before the restart", collect(client.keyValueStoreNames()));
  let wasAway = false;
  const whileAway = async (): Promise<void> => {
    const answer = await collect(client.keyValueStoreNames()).catch((error: unknown) => error);
    assert.ok(isAway(answer), `a storage that is being restarted answers nothing, got ${String(answer)}`);
    wasAway = true;
    await during();
  };
  await within("the storage to restart", storage.restart(whileAway), restartTimeout);
  assert.ok(wasAway, "the harness says when its storage is away");
  await client.close();
}
