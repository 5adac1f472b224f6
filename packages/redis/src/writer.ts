import { isKeyValueError, KeyValueError } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import { Backoff, unlessGivenUp } from "@revkv/api/adapter";
import type { BucketScripts } from "./bucket-scripts.ts";
import { stateIn } from "./bucket-scripts.ts";
import type { ScriptName } from "./commands.ts";
import { pause } from "./commands.ts";
import type { Mark } from "./mark.ts";
import type { Argument } from "./redis-client.ts";
import { headOf, numberOf } from "./rows.ts";
import { isAnswer, isPassing } from "./translate-error.ts";

/** What a script answers when its nonce is void. */
const isVoid = -3;

/** A script that writes, and its arguments behind the nonce. */
export interface Step {
  readonly script: ScriptName;
  readonly args: readonly Argument[];
  /** Whether it is expected that mere puts only put a value in the place of another. */
  readonly overwrites?: boolean;
}

/** How an answer is read. */
interface Reading<Result> {
  /** The step to be taken instead of one that was answered by a number and has done nothing. */
  readonly instead?: (reply: unknown) => Step | undefined;
  /** What the script's answer means. */
  readonly answered: (reply: unknown, nonce: string) => Result;
  /** What the log tells of a step whose answer was lost: its last revision, and words; undefined when it does not say. */
  readonly recalled: (last: number, words: string) => Result | undefined;
}

/**
 * Carries out steps that write to a bucket, none of them twice (rule M10). One whose answer was lost is looked for in the
 * log; if it is not there its nonce is made void at the same moment, so that it may come as late as it likes, and it is
 * sent with another.
 */
export class Writer {
  readonly #scripts: BucketScripts;
  /** Called when a step has ended that failed, or that its caller has given up: it may have changed something. */
  readonly #onLate: () => void;
  /** How far back a lost step has to be looked for: to what was the head before it was sent. */
  #known: Mark | undefined;

  constructor(scripts: BucketScripts, onLate: () => void) {
    this.#scripts = scripts;
    this.#onLate = onLate;
  }

  /** Takes note of what is the head, or was a moment ago. */
  saw(head: Mark): void {
    this.#known = head;
  }

  async write<Result>(first: Step, call: Call, { answered, recalled, instead }: Reading<Result>): Promise<Result> {
    let step = first;
    const since = this.#known ?? headOf(stateIn(await this.#scripts.readHeads([], call)));
    let backoff: Backoff | undefined;
    let nonce = this.#scripts.nonces.next();
    /** Why it is not known whether the last attempt was carried out. */
    let doubt: unknown;
    for (;;) {
      try {
        if (doubt !== undefined) {
          const logged = await unlessGivenUp(this.#findOut(nonce, since, doubt), call);
          const result = logged && recalled(...logged);
          if (result !== undefined) return result;
          if (logged !== undefined) throw unknown("the log does not tell what became of the write", doubt);
          doubt = undefined;
          nonce = this.#scripts.nonces.next();
        }
        const reply = await this.#send(step, nonce, call);
        if (reply === undefined) {
          call.progressed?.();
          continue;
        }
        const other = instead?.(reply);
        if (other !== undefined) step = other;
        else if (reply === isVoid) nonce = this.#scripts.nonces.next();
        else return answered(reply, nonce);
      } catch (error) {
        if (call.signal.aborted || isKeyValueError(error)) throw error;
        if (isAnswer(error)) {
          if (!isPassing(error)) throw doubt === undefined ? error : unknown(error.message, doubt);
        } else if (!isPassing(error)) doubt ??= error;
        backoff ??= new Backoff();
        await this.#wait(backoff, call, doubt, error);
      }
    }
  }

  #send({ script, args, overwrites }: Step, nonce: string, call: Call): Promise<unknown> {
    const sending = this.#scripts.attempt(script, [nonce, ...args], overwrites);
    const waiting = unlessGivenUp(sending, call);
    waiting.catch(() => void sending.then(this.#onLate, this.#onLate));
    return waiting;
  }

  /** What the log says of a step whose answer was lost; undefined when it was not carried out, and never will be. */
  async #findOut(nonce: string, since: Mark, doubt: unknown): Promise<readonly [number, string] | undefined> {
    const reply = await this.#scripts.attempt("void", [nonce, String(since.revision), since.nonce]);
    if (reply === 0) return undefined;
    if (!Array.isArray(reply)) throw unknown("the log does not reach back to the write", doubt);
    return [numberOf(reply[0]), String(reply[1])];
  }

  /** While it is in doubt what became of a step, giving up must not say that it was not sent. */
  async #wait(backoff: Backoff, call: Call, doubt: unknown, error: unknown): Promise<void> {
    try {
      await pause(backoff, call, error);
    } catch (late) {
      throw doubt ?? late;
    }
  }
}

function unknown(why: string, cause: unknown): KeyValueError {
  return new KeyValueError("OUTCOME_UNKNOWN", `the answer was lost, and ${why}`, { cause });
}
