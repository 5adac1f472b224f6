import { createHash } from "node:crypto";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import { Backoff, unlessGivenUp } from "@revkv/api/adapter";
import { scripts } from "./generated/lua.ts";
import type { AnyRedis, Argument } from "./redis-client.ts";
import { firstWord, isAnswer, isPassing, Unsent } from "./translate-error.ts";

/** The name of a script. */
export type ScriptName = keyof typeof scripts;

const digests = Object.fromEntries(
  Object.entries(scripts).map(([name, text]) => [name, createHash("sha1").update(text).digest("hex")]),
) as Record<ScriptName, string>;

/** The longest pause between two attempts, in milliseconds: a server that is back should not wait for its clients. */
const longestPause = 250;

/** Sends commands and scripts, and decides when one may be sent again. */
export class Commands {
  readonly #client: AnyRedis;

  constructor(client: AnyRedis) {
    this.#client = client;
  }

  /** Sends a script once. */
  script(name: ScriptName, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    return this.command("evalsha", digests[name], ...rest).catch((error: unknown) => {
      // The server forgets scripts when it is restarted; it has not carried it out.
      if (!isAnswer(error) || firstWord(error) !== "NOSCRIPT") throw error;
      return this.command("eval", scripts[name], ...rest);
    });
  }

  /** Sends a command once. */
  command(name: string, ...args: Argument[]): Promise<unknown> {
    // The client would say the same as of a command whose connection was lost.
    if (this.#client.status === "end") return Promise.reject(new Unsent("there is no connection"));
    return this.#client.callBuffer(name, ...args);
  }

  /** Tries again whatever the reason why there was no answer: for what can be done twice. */
  repeat<T>(attempt: () => Promise<T>, call: Call): Promise<T> {
    return this.#try(attempt, call, (error) => (isAnswer(error) ? isPassing(error) : !isKeyValueError(error)));
  }

  /** Tries again only what was not carried out. */
  once<T>(attempt: () => Promise<T>, call: Call): Promise<T> {
    return this.#try(attempt, call, isPassing);
  }

  /** The first attempt is nearly always the only one: no more promises than it takes. */
  #try<T>(
    attempt: () => Promise<T>,
    call: Call,
    isWorthwhile: (error: unknown) => boolean,
    backoff: Backoff = new Backoff(),
  ): Promise<T> {
    return unlessGivenUp(attempt(), call).catch(async (error: unknown) => {
      if (call.signal.aborted || !isWorthwhile(error)) throw error;
      await pause(backoff, call, error);
      return this.#try(attempt, call, isWorthwhile, backoff);
    });
  }
}

/**
 * Waits before the next attempt.
 *
 * @throws `TIMEOUT` when the caller gives up meanwhile: nothing is under way at that time
 */
export function pause(backoff: Backoff, { signal, isBackground = false }: Call, cause: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      settle();
    };
    const why = cause instanceof Error ? cause.message : String(cause);
    const abort = (): void =>
      end(() => reject(new KeyValueError("TIMEOUT", `not carried out in time: ${why}`, { cause })));
    const timer = setTimeout(() => end(resolve), Math.min(backoff.next(), longestPause));
    if (isBackground) timer.unref();
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  });
}
