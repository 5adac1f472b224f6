import { setTimeout as delay } from "node:timers/promises";
import { Backoff } from "@revkv/api/adapter";
import type { Commands } from "./commands.ts";
import type { AnyRedis, RedisNode } from "./redis-client.ts";
import { isCluster } from "./redis-client.ts";
import { lastingOnce } from "./safe-client.ts";

/** How long one read waits for changes, in milliseconds. */
const block = 5000;

/** How much longer the answer of a read may take, in milliseconds. */
const grace = 2000;

/** The most steps of each log in one answer. */
const stepsAtOnce = "100";

/** The most buckets that one connection waits for: each change costs the server a look at all of them. */
const bucketsPerConnection = 64;

/** One bucket whose changes are waited for. */
interface Followed {
  /** The key of its log. */
  readonly log: string;
  /** The id of the last step that was seen. */
  last: string;
  readonly wakes: Set<() => void>;
}

/** What a change reader is given. */
export interface ChangeReaderOptions {
  readonly client: AnyRedis;
  readonly commands: Commands;
  /** What the nonces begin with of steps that need not be announced within this process. */
  readonly own: string;
  /** How long connecting may take, in milliseconds. */
  readonly timeout: number;
  /** Called when changes can no longer be waited for, and when they can again. */
  readonly onUp: (isUp: boolean, error?: unknown) => void;
}

/** Wakes whoever follows a bucket when its log grows, by blocking reads on connections of their own. */
export class ChangeReader {
  readonly #options: ChangeReaderOptions;
  readonly #followed: Map<string, Followed> = new Map();
  readonly #lanes: Set<Lane> = new Set();
  #isClosed = false;

  constructor(options: ChangeReaderOptions) {
    this.#options = options;
  }

  /** True while all changes are announced. */
  get isUp(): boolean {
    for (const lane of this.#lanes) if (!lane.isUp) return false;
    return true;
  }

  /** Calls `wake` after each step behind `last` that is not our own, and whenever some may have been missed. */
  follow(log: string, last: string, wake: () => void): () => void {
    const known = this.#followed.get(log);
    const followed = known ?? { log, last, wakes: new Set() };
    followed.wakes.add(wake);
    if (known === undefined && !this.#isClosed) {
      this.#followed.set(log, followed);
      this.#laneFor(followed);
    }
    return () => {
      followed.wakes.delete(wake);
      if (followed.wakes.size > 0 || this.#followed.get(log) !== followed) return;
      this.#followed.delete(log);
      for (const lane of this.#lanes) lane.remove(followed);
    };
  }

  /** Calls everybody who follows a bucket. */
  wake(log: string): void {
    for (const wake of this.#followed.get(log)?.wakes ?? []) wake();
  }

  close(): void {
    this.#isClosed = true;
    this.#followed.clear();
    for (const lane of this.#lanes) lane.close();
  }

  #laneFor(followed: Followed): void {
    // Logs of different slots cannot be read together.
    const most = isCluster(this.#options.client) ? 1 : bucketsPerConnection;
    const free = [...this.#lanes].find((lane) => lane.size < most);
    const lane = free ?? new Lane(this.#options, () => this.#lanes.delete(lane));
    this.#lanes.add(lane);
    lane.add(followed);
  }
}

/** One connection that waits for changes of some buckets, while there are any. */
class Lane {
  readonly #options: ChangeReaderOptions;
  readonly #onEnd: () => void;
  readonly #followed: Map<string, Followed> = new Map();
  #isRunning = false;
  #isUp = false;
  #wasLost = false;
  /** True while the connection is being closed by ourselves: nothing is lost by that. */
  #isEnding = false;
  /** True while a read waits, for those who were there when it began. */
  #isWaiting = false;
  #connection: RedisNode | undefined;

  constructor(options: ChangeReaderOptions, onEnd: () => void) {
    this.#options = options;
    this.#onEnd = onEnd;
  }

  get size(): number {
    return this.#followed.size;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  add(followed: Followed): void {
    this.#followed.set(followed.log, followed);
    if (!this.#isRunning) void this.#run();
    // CLIENT UNBLOCK would need a right, and might end a wait of somebody else's on a server that took over.
    else if (this.#isWaiting) this.#disconnect();
  }

  remove(followed: Followed): void {
    if (!this.#followed.delete(followed.log)) return;
    if (this.#followed.size === 0) this.#disconnect();
  }

  close(): void {
    this.#followed.clear();
    this.#disconnect();
  }

  #disconnect(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#connection?.disconnect();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let backoff = new Backoff();
    while (this.#followed.size > 0) {
      try {
        const connection = await this.#open();
        await this.#beginAnew(connection);
        this.#found();
        backoff = new Backoff();
        while (this.#followed.size > 0) await this.#read(connection);
      } catch (error) {
        if (!this.#isEnding) {
          this.#lost(error);
          await delay(backoff.next(), undefined, { ref: false });
        }
      } finally {
        if (!this.#isEnding) this.#connection?.disconnect();
        this.#isEnding = false;
        this.#connection = undefined;
      }
    }
    this.#isRunning = false;
    this.#onEnd();
  }

  async #open(): Promise<RedisNode> {
    const { timeout } = this.#options;
    const connection = lastingOnce(await this.#node(), timeout);
    this.#connection = connection;
    await connection.connect();
    return connection;
  }

  /** What was seen before says nothing of a server that took over: its log may end before that (rule W14). */
  async #beginAnew(connection: RedisNode): Promise<void> {
    if (!this.#wasLost) return;
    await Promise.all(
      [...this.#followed.values()].map(async (followed) => {
        const [step] = (await connection.callBuffer(
          "xrevrange",
          followed.log,
          "+",
          "-",
          "COUNT",
          "1",
        )) as readonly Step[];
        followed.last = step === undefined ? "0-0" : String(step[0]);
      }),
    );
  }

  /** A connection to the server that has the log. */
  async #node(): Promise<RedisNode> {
    const { client, commands } = this.#options;
    if (!isCluster(client)) return client;
    const [log] = this.#followed.keys();
    const slot = Number(await commands.command("cluster", "keyslot", log ?? ""));
    const owner = client.slots[slot]?.[0];
    const node = client.nodes("master").find(({ options }) => addressOf(options) === owner);
    if (node === undefined) throw new Error(`no node of the Cluster is known to have slot ${slot}`);
    return node;
  }

  async #read(connection: RedisNode): Promise<void> {
    const asked = [...this.#followed.values()];
    this.#isWaiting = true;
    // A server that is frozen keeps its connections open, and answers nothing.
    const watchdog = setTimeout(() => connection.disconnect(), block + grace).unref();
    try {
      const found = await connection.callBuffer(
        "xread",
        "COUNT",
        stepsAtOnce,
        "BLOCK",
        String(block),
        "STREAMS",
        ...asked.map(({ log }) => log),
        ...asked.map(({ last }) => last),
      );
      for (const [log, steps] of (found ?? []) as readonly [Buffer, readonly Step[]][]) this.#seen(String(log), steps);
    } finally {
      clearTimeout(watchdog);
      this.#isWaiting = false;
    }
  }

  #seen(log: string, steps: readonly Step[]): void {
    const followed = this.#followed.get(log);
    const last = steps.at(-1);
    if (followed === undefined || last === undefined) return;
    followed.last = String(last[0]);
    const { own } = this.#options;
    if (steps.some(([, [, nonce]]) => !String(nonce).startsWith(own))) for (const wake of followed.wakes) wake();
  }

  #found(): void {
    this.#isUp = true;
    if (this.#wasLost) this.#options.onUp(true);
    this.#wasLost = false;
    this.#wakeAll();
  }

  #lost(error: unknown): void {
    this.#isUp = false;
    if (!this.#wasLost) this.#options.onUp(false, error);
    this.#wasLost = true;
    // Those who wait are to poll from now on.
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const { wakes } of this.#followed.values()) for (const wake of wakes) wake();
  }
}

/** A step of a log: its id, and `n`, its nonce, `o`, its outcomes. */
type Step = readonly [id: Buffer, fields: readonly [Buffer, Buffer, ...Buffer[]]];

function addressOf(options: object): string {
  const { host, port } = options as { readonly host?: string; readonly port?: number };
  return `${host}:${port}`;
}
