import type { Call } from "@revkv/api/adapter";
import { bucketGone } from "@revkv/api/adapter";
import { bucketKeys, headsIndex, logIndex, putKeys } from "./bucket-keys.ts";
import type { Commands, ScriptName } from "./commands.ts";
import type { Nonces } from "./nonces.ts";
import type { Argument } from "./redis-client.ts";

/** What a script answers instead of an answer: the bucket is another by now; it is to be called again. */
const gone = -1;
const again = -2;

/** The state of the bucket, in what {@link BucketScripts.readHeads} has read. */
export function stateIn([state]: readonly (Buffer | null)[]): Buffer {
  if (!state) throw bucketGone();
  return state;
}

/** The scripts of one incarnation of a bucket. */
export class BucketScripts {
  readonly nonces: Nonces;
  /** The key of the bucket's log. */
  readonly log: string;
  readonly #heads: string;
  readonly #commands: Commands;
  /** The keys of the bucket, in the order in which the scripts want them. */
  readonly keys: readonly string[];
  readonly #putKeys: readonly string[];
  readonly #overwriteKeys: readonly string[];

  constructor(commands: Commands, nonces: Nonces, prefix: string, name: string, incarnation: string) {
    this.#commands = commands;
    this.nonces = nonces;
    this.keys = bucketKeys(prefix, name, incarnation);
    this.#putKeys = putKeys(this.keys);
    this.#overwriteKeys = this.#putKeys.slice(0, 3);
    this.log = this.keys[logIndex] as string;
    this.#heads = this.keys[headsIndex] as string;
  }

  /** Reads the state of the bucket, and behind it the heads of some keys, as of one moment, by a plain command. */
  readHeads(keys: readonly string[], call: Call): Promise<readonly (Buffer | null)[]> {
    const read = (): Promise<unknown> => this.#commands.command("hmget", this.#heads, "", ...keys);
    return this.#commands.repeat(read as () => Promise<readonly (Buffer | null)[]>, call);
  }

  /** Carries out a script that changes nothing, as often as it takes to get an answer. */
  read(name: ScriptName, args: readonly Argument[], call: Call): Promise<unknown> {
    return this.#commands.repeat(async () => {
      const reply = await this.#commands.script(name, this.keys, args);
      if (reply === gone) throw bucketGone();
      return reply;
    }, call);
  }

  /** The same for one that carries out what is due before it reads, and is called again while there is more. */
  async settleAndRead(name: ScriptName, args: readonly Argument[], call: Call): Promise<unknown> {
    for (;;) {
      const reply = await this.read(name, [this.#settling(), ...args], call);
      if (reply !== again) return reply;
      call.progressed?.();
    }
  }

  /**
   * Sends a script once; undefined when it is to be called again. `overwrites`: puts are given no more keys than they need
   * where they only put a value in the place of another.
   */
  async attempt(name: ScriptName, args: readonly Argument[], overwrites = false): Promise<unknown> {
    const keys = name !== "puts" ? this.keys : overwrites ? this.#overwriteKeys : this.#putKeys;
    const reply = await this.#commands.script(name, keys, args);
    if (reply === gone) throw bucketGone();
    return reply === again ? undefined : reply;
  }

  /** A commit's nonce would keep the step from being announced to our own watchers. */
  #settling(): string {
    return `s${this.nonces.next()}`;
  }
}
