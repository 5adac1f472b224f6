import { isKeyValueError, KeyValueError } from "@revkv/api";
import type { Call, Outcome, Unit } from "@revkv/api/adapter";
import { Backoff, unlessAborted } from "@revkv/api/adapter";
import type { BucketScripts } from "./bucket-scripts.ts";
import { pause } from "./commands.ts";
import type { Mark } from "./mark.ts";
import { commitArguments, loggedOutcomes, outcomesOf } from "./outcomes.ts";
import { numberOf } from "./rows.ts";
import { isAnswer, isPassing } from "./translate-error.ts";

/** What the commit script answers when its nonce is void, and when the server has no memory for the puts. */
const isVoid = -3;
const isFull = -4;

/**
 * Carries out commits, none of them twice (rule M10). One whose answer was lost is looked for in the log; if it is not
 * there its nonce is made void in the same step, so that it may come as late as it likes, and it is sent with another.
 */
export class Committer {
  readonly #scripts: BucketScripts;
  /** Called when a commit is answered that its caller has given up. */
  readonly #onLate: () => void;
  /** How far back a lost commit is looked for: to our own last step. */
  #known: Mark = { revision: 0, nonce: "" };

  constructor(scripts: BucketScripts, onLate: () => void) {
    this.#scripts = scripts;
    this.#onLate = onLate;
  }

  async commit(units: readonly Unit[], { signal }: Call): Promise<readonly Outcome[]> {
    let args = commitArguments(units);
    const backoff = new Backoff();
    let nonce = this.#scripts.nonces.next();
    /** Why it is not known whether the last attempt was carried out. */
    let doubt: unknown;
    for (;;) {
      try {
        if (doubt !== undefined) {
          const outcomes = await unlessAborted(this.#findOut(units, nonce, doubt), signal);
          if (outcomes !== undefined) return outcomes;
          doubt = undefined;
          nonce = this.#scripts.nonces.next();
        }
        const sending = this.#scripts.attempt("commit", [nonce, ...args]);
        signal.addEventListener("abort", () => void sending.then(this.#onLate, this.#onLate), { once: true });
        const reply = await unlessAborted(sending, signal);
        if (reply === isVoid) nonce = this.#scripts.nonces.next();
        else if (reply === isFull) args = commitArguments(units, true);
        else if (reply !== undefined) return this.#answered(units, nonce, reply as readonly unknown[]);
      } catch (error) {
        if (signal.aborted || isAnswer(error) || isKeyValueError(error)) {
          if (signal.aborted || !isPassing(error)) throw error;
        } else if (!isPassing(error)) {
          doubt ??= error;
        }
        await this.#wait(backoff, signal, doubt, error);
      }
    }
  }

  #answered(units: readonly Unit[], nonce: string, [, ...words]: readonly unknown[]): readonly Outcome[] {
    const outcomes = outcomesOf(units, words);
    for (const [index, outcome] of outcomes.entries()) {
      if ("refused" in outcome) continue;
      for (const [place, revision] of outcome.entries()) {
        if (units[index]?.[place]?.op !== "check" && revision > this.#known.revision) this.#known = { revision, nonce };
      }
    }
    return outcomes;
  }

  /** What became of a commit whose answer was lost; undefined when it was not carried out, and never will be. */
  async #findOut(units: readonly Unit[], nonce: string, doubt: unknown): Promise<readonly Outcome[] | undefined> {
    const { revision, nonce: mark } = this.#known;
    const reply = await this.#scripts.attempt("void", [nonce, String(revision), mark]);
    if (reply === 0) return undefined;
    const [last, words] = Array.isArray(reply) ? reply : [];
    const outcomes = last === undefined ? undefined : loggedOutcomes(units, numberOf(last), String(words));
    if (outcomes === undefined) {
      throw new KeyValueError("OUTCOME_UNKNOWN", "the log does not tell any more what became of the write", {
        cause: doubt,
      });
    }
    return outcomes;
  }

  /** While it is in doubt what became of a commit, giving up must not say that it was not sent. */
  async #wait(backoff: Backoff, signal: AbortSignal, doubt: unknown, error: unknown): Promise<void> {
    try {
      await pause(backoff, signal, error);
    } catch (late) {
      throw doubt ?? late;
    }
  }
}
