import type { NormalizedConfig } from "@revkv/api";
import { sameConfig } from "@revkv/api";
import type {
  BucketDescription,
  BucketStorage,
  Call,
  Head,
  KeyPage,
  KeyQuery,
  LogPage,
  LogQuery,
  Outcome,
  PurgePage,
  PurgeQuery,
  Row,
  Unit,
} from "@revkv/api/adapter";
import { bucketGone, parseConfig } from "@revkv/api/adapter";
import { canExpire, settingsOf } from "./bucket-config.ts";
import { metaKey } from "./bucket-keys.ts";
import { BucketScripts, stateIn } from "./bucket-scripts.ts";
import type { ChangeReader } from "./change-reader.ts";
import type { Commands } from "./commands.ts";
import { readKeyPage } from "./key-reader.ts";
import { readLogPage } from "./log-reader.ts";
import type { Mark, SeenMark } from "./mark.ts";
import type { Nonces } from "./nonces.ts";
import { commitArguments, lastGiven, loggedOutcomes, outcomesOf, putArguments } from "./outcomes.ts";
import { headOf, isLive, needsScript, numberOf, rowOf, ttlOf } from "./rows.ts";
import type { Step } from "./writer.ts";
import { Writer } from "./writer.ts";

/** What `commit` answers when the server has no memory for its puts, and `puts` when more is to be done than it can. */
const isFull = -4;
const isUnusual = 0;

/** For how many commits `puts` is not tried again after that: what is unusual once often is so for all of a bucket. */
const rest = 16;

/** What `puts` answers when it was given the keys of an overwrite only, and needs the others. */
const isNoOverwrite = -5;

/** How many puts are given all keys at first, and after that: the answer costs as much as many of them gain. */
const caution = 64;

/** What all buckets of a storage share. */
export interface Store {
  readonly commands: Commands;
  readonly changes: ChangeReader;
  readonly nonces: Nonces;
  readonly prefix: string;
  /** Has a bucket looked at by whoever carries out what is due. */
  readonly lookAfter: (name: string, incarnation: string, call: Call) => Promise<void>;
}

/** A bucket in the keys of its incarnation. */
export class RedisBucket implements BucketStorage {
  readonly name: string;
  readonly incarnation: string;
  readonly scripts: BucketScripts;
  readonly #store: Store;
  readonly #writer: Writer;
  /** Whether the last read needed no script: one is needed where something can expire, or a value is not in line. */
  #headsSuffice = true;
  /** How many commits are left of such a rest. */
  #resting = 0;
  /** How many puts are left that are given all keys. */
  #cautious = caution;

  /** `head` is what the bucket's head was a moment ago, if that is known. */
  constructor(store: Store, name: string, incarnation: string, head?: Mark) {
    this.#store = store;
    this.name = name;
    this.incarnation = incarnation;
    this.scripts = new BucketScripts(store.commands, store.nonces, store.prefix, name, incarnation);
    this.#writer = new Writer(this.scripts, () => store.changes.wake(this.scripts.log));
    if (head !== undefined) this.#writer.saw(head);
  }

  commit(units: readonly Unit[], call: Call): Promise<readonly Outcome[]> {
    const args = this.#resting === 0 ? putArguments(units) : undefined;
    if (args === undefined) this.#resting = Math.max(0, this.#resting - 1);
    const overwrites = units.length === 1 && this.#cautious === 0;
    this.#cautious = Math.max(0, this.#cautious - 1);
    const commit = (isFull?: boolean): Step => ({ script: "commit", args: commitArguments(units, isFull) });
    return this.#writer.write(args === undefined ? commit() : { script: "puts", args, overwrites }, call, {
      instead: (reply) => {
        if (reply === isFull) return commit(true);
        if (reply === isNoOverwrite) {
          this.#cautious = caution;
          return args && { script: "puts", args };
        }
        if (reply !== isUnusual) return undefined;
        this.#resting = rest;
        return commit();
      },
      answered: (reply, nonce) => {
        const outcomes = outcomesOf(units, reply);
        const revision = lastGiven(units, outcomes);
        if (revision > 0) this.#writer.saw({ revision, nonce });
        return outcomes;
      },
      recalled: (last, words) => loggedOutcomes(units, last, words),
    });
  }

  async read(keys: readonly string[], call: Call): Promise<readonly (Row | undefined)[]> {
    if (this.#headsSuffice) {
      const found = await this.scripts.readHeads(keys, call);
      const state = stateIn(found);
      this.#writer.saw(headOf(state));
      if (ttlOf(state) === 0 && !found.some((head, index) => index > 0 && head !== null && needsScript(head))) {
        return keys.map((key, index) => {
          const head = found[index + 1] ?? null;
          return head !== null && isLive(head) ? rowOf(key, head, 0) : undefined;
        });
      }
    }
    const [ttl, ...records] = (await this.scripts.read("read", keys, call)) as readonly [number, ...(Buffer | null)[]];
    this.#headsSuffice = ttl === 0 && !records.some((record) => record !== null && needsScript(record));
    return keys.map((key, index) => {
      const record = records[index] ?? null;
      return record === null ? undefined : rowOf(key, record, ttl);
    });
  }

  async readRevision(key: string, revision: number, call: Call): Promise<Row | undefined> {
    const reply = await this.scripts.read("readRevision", [key, String(revision)], call);
    const [ttl, record] = reply as readonly [unknown, Buffer | null];
    return record === null ? undefined : rowOf(key, record, numberOf(ttl));
  }

  async readLog(query: LogQuery, call: Call): Promise<LogPage> {
    const page = await readLogPage(this.scripts, query, call);
    this.#writer.saw(page.head.mark as Mark);
    return page;
  }

  readKeys(query: KeyQuery, call: Call): Promise<KeyPage> {
    return readKeyPage(this.scripts, query, call);
  }

  async head(call: Call): Promise<Head> {
    const [head, compacted, nonce, era] = (await this.scripts.settleAndRead("head", [], call)) as readonly unknown[];
    const revision = numberOf(head);
    const mark: SeenMark = { revision, nonce: String(nonce), era: String(era) };
    this.#writer.saw(mark);
    return { revision, compactedTo: numberOf(compacted), mark };
  }

  async describe(call: Call): Promise<BucketDescription> {
    const reply = await this.scripts.settleAndRead("describe", [], call);
    const [config, revision, compactedTo, values, bytes] = reply as readonly unknown[];
    return {
      config: parseConfig(String(config)),
      revision: numberOf(revision),
      compactedTo: numberOf(compactedTo),
      values: numberOf(values),
      bytes: numberOf(bytes),
    };
  }

  async configure(from: NormalizedConfig, to: NormalizedConfig, call: Call): Promise<boolean> {
    const { commands, prefix } = this.#store;
    const read = (): Promise<unknown> => commands.command("hmget", metaKey(prefix, this.name), "id", "config");
    const [id, config] = (await commands.repeat(read, call)) as readonly (Buffer | null)[];
    if (String(id) !== this.incarnation) throw bucketGone();
    const text = String(config);
    if (!sameConfig(parseConfig(text), from)) return false;
    if (canExpire(to) || to.history < from.history) await this.#store.lookAfter(this.name, this.incarnation, call);
    const args = [text, JSON.stringify(to), ...settingsOf(to)];
    return this.#writer.write({ script: "configure", args }, call, {
      answered: (reply) => numberOf(reply) === 1,
      recalled: () => true,
    });
  }

  async purgeMarkers({ olderThan, after, limit }: PurgeQuery, call: Call): Promise<PurgePage> {
    const args = [String(olderThan), after, String(limit)];
    return this.#writer.write({ script: "purgeMarkers", args }, call, {
      answered: (reply) => {
        const [removed, end, isDone] = reply as readonly unknown[];
        return { removed: numberOf(removed), end: String(end), done: numberOf(isDone) === 1 };
      },
      // How far it came the log does not say: what is left of the page is looked at again.
      recalled: (_, removed) => ({ removed: numberOf(removed), end: after, done: false }),
    });
  }

  async subscribe(wake: () => void, call: Call): Promise<() => void> {
    const { commands, changes } = this.#store;
    const { log } = this.scripts;
    const newest = (): Promise<unknown> => commands.command("xrevrange", log, "+", "-", "COUNT", "1");
    const [step] = (await commands.repeat(newest, call)) as readonly [Buffer][];
    if (step === undefined) throw bucketGone();
    return changes.follow(log, String(step[0]), wake);
  }
}
