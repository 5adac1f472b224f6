import { randomBytes } from "node:crypto";
import type { Capabilities, KeyValueError, NormalizedConfig } from "@revkv/api";
import type { Call, CreatedBucket, OpenedBucket, Storage, StorageTraits, Sweep } from "@revkv/api/adapter";
import { embeddedCapabilities, parseConfig, unlessGivenUp } from "@revkv/api/adapter";
import { canExpire, settingsOf } from "./bucket-config.ts";
import type { SharedKeys } from "./bucket-keys.ts";
import { bucketKeys, logIndex, metaKey, sharedKeys } from "./bucket-keys.ts";
import { BucketScripts } from "./bucket-scripts.ts";
import type { ChangeReader } from "./change-reader.ts";
import type { Commands } from "./commands.ts";
import type { Nonces } from "./nonces.ts";
import type { Store } from "./redis-bucket.ts";
import { RedisBucket } from "./redis-bucket.ts";
import { numberOf } from "./rows.ts";
import { isAnswer, translateError } from "./translate-error.ts";

/** How often somebody looks for due entries, in milliseconds: whoever wrote them may be gone (rule T2). */
const sweepInterval = 500;

/** How long a manager's turn to look lasts, in milliseconds: if it is gone, another takes over within the interval. */
const turnLength = 450;

/** How many buckets are looked at together. */
const sweptTogether = 16;

/** How often caught-up watchers look by themselves while changes are announced, and while they are not, in milliseconds. */
const pollInterval = { up: 5000, down: 1000 } as const;

/** What a storage is made of. */
export interface RedisStorageParts {
  readonly commands: Commands;
  readonly changes: ChangeReader;
  readonly nonces: Nonces;
  readonly prefix: string;
  /** Closes what was opened for this storage. */
  readonly release: () => void;
}

/** The storage under one prefix of a Redis server or Cluster. */
export class RedisStorage implements Storage {
  readonly backingStore: string = "redis";
  readonly capabilities: Capabilities = {
    ...embeddedCapabilities,
    crossProcessWatch: true,
    maxValueBytes: 2 ** 26,
    // A transaction is one script, during which the server does nothing else.
    maxOperations: 250,
  };
  readonly traits: StorageTraits;
  readonly #store: Store;
  readonly #shared: SharedKeys;
  readonly #release: () => void;

  constructor({ release, ...parts }: RedisStorageParts) {
    this.#shared = sharedKeys(parts.prefix);
    this.#release = release;
    this.#store = { ...parts, lookAfter: (name, incarnation, call) => this.#lookAfter(name, incarnation, call) };
    const { changes } = parts;
    this.traits = {
      directReads: false,
      directWrites: false,
      batchOperations: 200,
      batchBytes: 2 ** 19,
      readKeys: 250,
      readsInFlight: 2,
      pageRows: 500,
      pageBytes: 2 ** 19,
      get pollInterval() {
        return changes.isUp ? pollInterval.up : pollInterval.down;
      },
    };
  }

  async openBucket(name: string, call: Call): Promise<OpenedBucket | undefined> {
    const { commands, prefix } = this.#store;
    const read = (): Promise<unknown> => commands.command("hmget", metaKey(prefix, name), "id", "config");
    const [id, config] = (await commands.repeat(read, call)) as readonly (Buffer | null)[];
    if (!id) return undefined;
    return { bucket: new RedisBucket(this.#store, name, String(id)), config: parseConfig(String(config)) };
  }

  async createBucket(config: NormalizedConfig, call: Call): Promise<CreatedBucket> {
    const args = [JSON.stringify(config), ...settingsOf(config)];
    for (;;) {
      const existing = await this.openBucket(config.bucket, call);
      if (existing !== undefined) return { ...existing, created: false };
      const incarnation = randomBytes(12).toString("base64url");
      // Listed before it is there: one that a crash leaves behind is told by its incarnation.
      await this.#list(this.#shared.buckets, config.bucket, incarnation, call);
      if (canExpire(config)) await this.#lookAfter(config.bucket, incarnation, call);
      if (await this.#create(config.bucket, incarnation, args, call)) {
        const bucket = new RedisBucket(this.#store, config.bucket, incarnation, { revision: 0, nonce: "" });
        return { bucket, config, created: true };
      }
      await this.#unlist(config.bucket, incarnation, call);
    }
  }

  /** Tells whether it was created, even if the answer is lost; if it was not, it never is (rule M10). */
  async #create(name: string, incarnation: string, args: readonly string[], call: Call): Promise<boolean> {
    const { commands, prefix } = this.#store;
    const keys = bucketKeys(prefix, name, incarnation);
    const create = (): Promise<unknown> => commands.script("createBucket", keys, [incarnation, ...args]);
    try {
      return String(await commands.once(create, call)) === incarnation;
    } catch (error) {
      if (call.signal.aborted || isAnswer(error)) throw error;
      const findOut = (): Promise<unknown> => commands.script("voidBucket", keys, [incarnation]);
      return await commands.repeat(findOut, call).then(
        (reply) => reply === 1,
        () => Promise.reject(error),
      );
    }
  }

  async deleteBucket(name: string, call: Call): Promise<boolean> {
    const found = await this.openBucket(name, call);
    if (found === undefined) return false;
    const { commands, nonces, prefix, changes } = this.#store;
    const { incarnation } = found.bucket;
    const keys = bucketKeys(prefix, name, incarnation);
    const log = keys[logIndex] as string;
    const nonce = nonces.next();
    const remove = (): Promise<unknown> => commands.script("deleteBucket", keys, [nonce]);
    let isDeleted = (await commands.repeat(remove, call)) === 1;
    if (!isDeleted) {
      // By others, or by an attempt whose answer was lost.
      const newest = (): Promise<unknown> => commands.command("xrevrange", log, "+", "-", "COUNT", "1");
      const [step] = (await commands.repeat(newest, call)) as readonly [Buffer, readonly Buffer[]][];
      isDeleted = step !== undefined && String(step[1].at(-1)) === nonce;
    }
    await this.#unlist(name, incarnation, call);
    changes.wake(log);
    return isDeleted;
  }

  async bucketNames(after: string, limit: number, call: Call): Promise<readonly string[]> {
    const { commands, prefix } = this.#store;
    const names: string[] = [];
    // "!" is the character behind " ", and no name has either.
    for (let from = after === "" ? "-" : `[${after}!`; names.length < limit; ) {
      const listed = (await commands.repeat(
        () => commands.command("zrangebylex", this.#shared.buckets, from, "+", "LIMIT", "0", String(limit)),
        call,
      )) as readonly Buffer[];
      const found = await Promise.all(
        listed.map(async (item) => {
          const [name, incarnation] = split(item);
          const read = (): Promise<unknown> => commands.command("hget", metaKey(prefix, name), "id");
          return String(await commands.repeat(read, call)) === incarnation ? [name] : [];
        }),
      );
      names.push(...found.flat());
      if (listed.length < limit) break;
      from = `(${String(listed.at(-1))}`;
    }
    return names.slice(0, limit);
  }

  /** Of all managers one at a time looks; each script does no more than a page. */
  async sweep(limit: number, call: Call): Promise<Sweep> {
    const { commands, nonces } = this.#store;
    const { turn, expiring } = this.#shared;
    const ask = (): Promise<unknown> => commands.script("takeTurn", [turn, expiring], [nonces.own, String(turnLength)]);
    const [wait, items] = (await commands.once(ask, call)) as readonly [unknown, readonly unknown[]];
    if (numberOf(wait) > 0) return { next: numberOf(wait) };
    let next = sweepInterval;
    let failure: { readonly error: unknown } | undefined;
    // One that is broken, or whose node is away, does not keep those behind it from being looked at.
    const failed = (error: unknown): number => {
      failure ??= { error };
      return sweepInterval;
    };
    for (let from = 0, pages = 0; from < items.length && pages < limit; from += sweptTogether) {
      const some = items.slice(from, from + sweptTogether).map((item) => this.#sweepBucket(item, call).catch(failed));
      for (const wanted of await Promise.all(some)) {
        next = Math.min(next, wanted);
        if (wanted === 0) pages += 1;
      }
    }
    if (failure !== undefined) throw failure.error;
    return { next };
  }

  /** Carries out a page of what is due in a bucket; says in how many milliseconds to look again at the latest. */
  async #sweepBucket(item: unknown, call: Call): Promise<number> {
    const { commands, nonces, prefix } = this.#store;
    const [name, incarnation] = split(item);
    const { keys } = new BucketScripts(commands, nonces, prefix, name, incarnation);
    // Not tried again: the next sweep comes soon.
    const reply = await unlessGivenUp(commands.script("sweep", keys, [`s${nonces.next()}`]), call);
    if (Array.isArray(reply)) {
      const [isMore, due, now] = reply.map(numberOf) as [number, number, number];
      if (isMore === 1) return 0;
      return due > 0 ? Math.max(0, due - now) : sweepInterval;
    }
    await commands.once(() => commands.command("zrem", this.#shared.expiring, `${name} ${incarnation}`), call);
    return sweepInterval;
  }

  translateError(error: unknown, written: boolean): KeyValueError {
    return translateError(error, written);
  }

  close(): void {
    this.#store.changes.close();
    this.#release();
  }

  #lookAfter(name: string, incarnation: string, call: Call): Promise<void> {
    return this.#list(this.#shared.expiring, name, incarnation, call);
  }

  async #list(index: string, name: string, incarnation: string, call: Call): Promise<void> {
    const { commands } = this.#store;
    await commands.repeat(() => commands.command("zadd", index, "0", `${name} ${incarnation}`), call);
  }

  async #unlist(name: string, incarnation: string, call: Call): Promise<void> {
    const { commands } = this.#store;
    for (const index of [this.#shared.buckets, this.#shared.expiring]) {
      await commands.repeat(() => commands.command("zrem", index, `${name} ${incarnation}`), call);
    }
  }
}

/** A bucket's name and incarnation, as they are listed. */
function split(item: unknown): [name: string, incarnation: string] {
  const [name = "", incarnation = ""] = String(item).split(" ");
  return [name, incarnation];
}
