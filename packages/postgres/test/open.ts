import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { KeyValue, KeyValueEvent } from "@revkv/api";
import { databaseOf } from "@revkv/servers/postgres";
import pg from "pg";
import { onTestFinished } from "vitest";
import type { PostgresManager, PostgresOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";
import { sharedServer } from "./harness.ts";
import { patient } from "./patient.ts";

/** Carries something out when the test is over, the latest first. */
export function later(cleanup: () => unknown): void {
  onTestFinished(async () => void (await cleanup()));
}

/** The URL of an empty database, which is dropped when the test is over. */
export async function emptyDatabase(): Promise<string> {
  const database = await databaseOf(await sharedServer());
  later(() => database[Symbol.asyncDispose]());
  return database.url;
}

/** Opens a manager that is closed when the test is over. */
export async function open(options: string | PostgresOptions): Promise<PostgresManager> {
  const manager = await connect({
    timeout: patient,
    ...(typeof options === "string" ? { connectionString: options } : options),
  });
  later(() => manager.close());
  return manager;
}

/** Takes down what an application is told, but that the servers of tests do not sync. */
export function takeDown(told: KeyValueEvent[]): (event: KeyValueEvent) => void {
  return (event) => {
    if (event.type !== "unsafe-setting") told.push(event);
  };
}

/** Opens a pool of the application's own, which is closed when the test is over. */
export function poolOf(connectionString: string, config?: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({ connectionString, ...config });
  // The server ends what is still idle when the database is dropped.
  pool.on("error", () => undefined);
  later(() => pool.end());
  return pool;
}

/** Writes down what happens to a bucket from now on, as `key@revision`, or `-key@revision` for markers. */
export async function follow(kv: KeyValue, seen: string[]): Promise<void> {
  const watcher = await kv.watch(">", { updatesOnly: true });
  const following = watcher.forEach((entry) => {
    if (entry !== null) seen.push(`${entry.operation === "PUT" ? "" : "-"}${entry.key}@${entry.revision}`);
  });
  later(async () => {
    await watcher.stop();
    await following;
  });
}

/** How long a child may take, in milliseconds: much more than it needs. */
const childTimeout = 30_000;

/** Runs a module in `children` to its end, and gives what it printed; rejects when it fails or does not end by itself. */
export async function runChild(module: string, ...args: readonly unknown[]): Promise<string> {
  const script = fileURLToPath(new URL(`./children/${module}`, import.meta.url));
  const command = ["--conditions=@revkv/source", script, ...args.map((arg) => JSON.stringify(arg))];
  const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: childTimeout });
  return stdout;
}
