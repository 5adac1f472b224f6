import { join } from "node:path";
import type { KeyValueManager } from "@revkv/api";
import { afterEach } from "vitest";
import { connect } from "../src/index.ts";
import { temporaryDirectory } from "./harness.ts";

const cleanups: (() => unknown)[] = [];

/** Carries something out when the test is over, the latest first. */
export function later(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A path in a directory that only this test uses. */
export async function temporaryFile(): Promise<string> {
  const directory = await temporaryDirectory();
  later(() => directory.remove());
  return join(directory.path, "test.db");
}

/** Opens a manager that is closed when the test is over. */
export async function open(...options: Parameters<typeof connect>): Promise<KeyValueManager> {
  const manager = await connect(...options);
  later(() => manager.close());
  return manager;
}
