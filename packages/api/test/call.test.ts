import type { Call } from "@revkv/api/adapter";
import { expect, test } from "vitest";
import { PendingCall, unlessGivenUp } from "../src/adapter/call.ts";

const never = (): Promise<never> => new Promise(() => undefined);

test("E3: all that waits for a part of a call ends when it is given up, what comes later at once", async () => {
  const call = new PendingCall();
  const waits = [unlessGivenUp(never(), call), unlessGivenUp(never(), call)];
  const reason = new Error("enough");
  call.abandon(reason);
  waits.push(unlessGivenUp(never(), call));
  for (const wait of waits) await expect(wait).rejects.toBe(reason);
});

test("what waited for a part of a call that has ended is not kept as long as the call takes", async () => {
  const call = new PendingCall();
  const listeners = new Set<unknown>();
  const counted: Call = {
    signal: call.signal,
    onGivenUp: (listener) => void listeners.add(listener),
    offGivenUp: (listener) => void listeners.delete(listener),
  };
  expect(await unlessGivenUp(Promise.resolve(1), counted)).toBe(1);
  await expect(unlessGivenUp(Promise.reject(new Error("failed")), counted)).rejects.toThrow("failed");
  expect(listeners.size).toBe(0);

  const given: unknown[] = [];
  const listener = (reason: unknown): void => void given.push(reason);
  call.onGivenUp(listener);
  call.offGivenUp(listener);
  call.abandon(new Error("enough"));
  expect(given).toEqual([]);
});
