import assert from "node:assert/strict";
import type { KeyValue } from "@revkv/api";
import { rejects } from "./expect.ts";
import { range } from "./load.ts";

/**
 * Makes 20 calls at the same time, through these handles in turn, of which exactly one must succeed: its revision is the
 * result. The others must be refused with this code and these fields (rules O3, O4, O5).
 */
export async function exactlyOne<Code extends "KEY_EXISTS" | "REVISION_MISMATCH">(
  handles: readonly [KeyValue, ...KeyValue[]],
  call: (kv: KeyValue, caller: number) => Promise<number>,
  code: Code,
  fields: (winner: number) => Parameters<typeof rejects<Code>>[2],
): Promise<number> {
  const results = await Promise.allSettled(
    range(0, 19).map((caller) => call(handles[caller % handles.length] ?? handles[0], caller)),
  );
  const won = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  assert.equal(won.length, 1, "exactly one of 20 succeeds");
  const [winner = 0] = won;
  for (const result of results) {
    if (result.status === "rejected") await rejects(code, Promise.reject(result.reason), fields(winner));
  }
  return winner;
}
