import type { Msg } from "@nats-io/transport-node";
import { isKeyValueError, KeyValueError } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import { Backoff } from "@revkv/api/adapter";
import type { Link } from "./link.ts";
import { isUnheard } from "./link.ts";
import { isPassing, Refused, Unanswered } from "./translate-error.ts";
import type { ApiError } from "./wire.ts";

/** JetStream's API on one connection. */
export class JetStream {
  readonly link: Link;

  constructor(link: Link) {
    this.link = link;
  }

  /**
   * Makes a request that may be made twice, again and again until it is answered or the call is over.
   *
   * @throws {@link Refused}, or what ends the call
   */
  async request<Answer>(endpoint: string, body: unknown, call: Call): Promise<Answer> {
    const payload = body === undefined ? "" : JSON.stringify(body);
    const backoff = new Backoff();
    for (;;) {
      const message = await this.ask(`$JS.API.${endpoint}`, payload, call);
      if (!isUnheard(message)) {
        const answer = parse<Answer>(message);
        if (answer.error === undefined) return answer;
        if (!isPassing(answer.error)) throw new Refused(answer.error);
      }
      await pause(backoff.next(), call.signal);
    }
  }

  /**
   * The same for a request that must not be made twice: when it may have been carried out without an answer, it is looked
   * what became of it. It is made again when nothing did.
   */
  async change<Answer>(
    attempt: () => Promise<Answer>,
    look: () => Promise<Answer | undefined>,
    call: Call,
  ): Promise<Answer> {
    const backoff = new Backoff();
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        const mayPass = error instanceof Unanswered || (error instanceof Refused && isPassing(error.error));
        if (!mayPass) throw error;
        const found = error instanceof Unanswered && error.sent ? await unlessClosed(look()) : undefined;
        if (found !== undefined) return found;
      }
      await pause(backoff.next(), call.signal);
    }
  }

  /**
   * Makes a request once, and waits until its answer is late, or with `patient` for as long as it takes.
   *
   * @throws {@link Refused}, {@link Unanswered}, or what ends the call
   */
  async attempt<Answer>(endpoint: string, body: unknown, call: Call, patient = false): Promise<Answer> {
    if (!this.link.isConnected) await this.link.ready(call.signal);
    const message = await this.link.ask(`$JS.API.${endpoint}`, JSON.stringify(body), undefined, patient);
    if (isUnheard(message)) throw new Refused({ code: 503, err_code: 10008, description: "nobody answers" });
    const answer = parse<Answer>(message);
    if (answer.error !== undefined) throw new Refused(answer.error);
    return answer;
  }

  /** Asks until there is an answer, whatever it is. */
  async ask(subject: string, payload: string, call: Call): Promise<Msg> {
    for (;;) {
      if (!this.link.isConnected) await this.link.ready(call.signal);
      try {
        return await this.link.insist(subject, payload, call);
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        call.signal.throwIfAborted();
      }
    }
  }
}

/** What becomes of a change that was sent nobody can find out any more when the connection was closed (rule M10). */
export async function unlessClosed<T>(found: Promise<T>): Promise<T> {
  try {
    return await found;
  } catch (error) {
    if (!isKeyValueError(error, "CLOSED")) throw error;
    const message = "the connection was closed before it was known what became of the change";
    throw new KeyValueError("OUTCOME_UNKNOWN", message, { cause: error });
  }
}

function parse<Answer>(message: Msg): Answer & { readonly error?: ApiError } {
  return message.json<Answer & { readonly error?: ApiError }>();
}

/** Waits; rejects with the signal's reason. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    const abort = (): void => {
      end();
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      end();
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  });
}
