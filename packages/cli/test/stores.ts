import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startNats } from "@revkv/servers/nats";
import { databaseOf, testPostgres } from "@revkv/servers/postgres";
import { testRedis } from "@revkv/servers/redis";
import { afterAll } from "vitest";

/** A kind of storage, and how to get an empty one of it. */
export interface StoreKind {
  readonly name: string;
  /** Whether it can do all that revkv can; NATS cannot. */
  readonly isFull: boolean;
  /** The URL of an empty store. */
  open(): Promise<string>;
}

const cleanups: (() => unknown)[] = [];

afterAll(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function kept<T extends AsyncDisposable>(resource: T): T {
  cleanups.push(() => resource[Symbol.asyncDispose]());
  return resource;
}

/** What is started once for all tests of a file, and only if one of them needs it. */
function once<T extends AsyncDisposable>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => {
    started ??= start().then(kept);
    return started;
  };
}

const postgres = once(testPostgres);
const redis = once(testRedis);
let prefixes = 0;

/** A directory that is removed after the tests of the file. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "revkv-cli-"));
  cleanups.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

export const sqliteStore: StoreKind = {
  name: "sqlite",
  isFull: true,
  open: async () => `sqlite:${join(await temporaryDirectory(), "test.db")}`,
};

export const postgresStore: StoreKind = {
  name: "postgres",
  isFull: true,
  open: async () => kept(await databaseOf(await postgres())).url,
};

export const redisStore: StoreKind = {
  name: "redis",
  isFull: true,
  open: async () => {
    prefixes += 1;
    return `${(await redis()).url}?prefix=cli-${process.pid}-${prefixes}`;
  },
};

/** A server of its own: buckets of an account are all in one place. */
export const natsStore: StoreKind = {
  name: "nats",
  isFull: false,
  open: async () => kept(await startNats()).url,
};

export const stores: readonly StoreKind[] = [sqliteStore, postgresStore, redisStore, natsStore];
