import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import { createInbox } from "@nats-io/transport-node";
import { KeyValueError } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import { translateError, Unanswered } from "./translate-error.ts";

/** How long an answer may take until it is asked what became of the request, in milliseconds. */
const patience = 1000;

interface Pending {
  readonly subject: string;
  readonly resolve: (message: Msg) => void;
  readonly reject: (reason: unknown) => void;
  readonly since: number;
}

/** What the events of a connection tell, as far as it matters here. */
interface StatusEvent {
  readonly type: string;
  readonly error?: unknown;
}

/**
 * Requests and their answers on one connection. Every request ends, at the latest by {@link Unanswered} when the connection
 * is lost or the answer is late, and it is known of each whether it was sent: the client itself keeps what it is given
 * while it is not connected, and forgets it or not.
 */
export class Link {
  readonly connection: NatsConnection;
  /** Called when the connection is lost, and when it is back. */
  readonly onChange: Set<(connected: boolean) => void> = new Set();
  readonly #inboxPrefix: string | undefined;
  readonly #inbox: string;
  readonly #pending: Map<string, Pending> = new Map();
  readonly #patient: Map<string, Pending> = new Map();
  #tokens = 0;
  #connected = true;
  #closed: KeyValueError | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #subscription: { unsubscribe(): void };
  readonly #events: AsyncIterable<StatusEvent> & { stop?(): void };

  constructor(connection: NatsConnection) {
    this.connection = connection;
    const { options } = connection as { readonly options?: { readonly inboxPrefix?: string } };
    this.#inboxPrefix = options?.inboxPrefix;
    this.#inbox = createInbox(this.#inboxPrefix);
    this.#subscription = connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#answered(message);
        else this.#denied(error);
      },
    });
    this.#events = connection.status() as AsyncIterable<StatusEvent>;
    void this.#follow();
  }

  get isConnected(): boolean {
    return this.#connected && this.#closed === undefined;
  }

  /** Sends a request and waits for its answer, at most until it is late, or with `patient` for as long as it takes. */
  ask(subject: string, payload: Uint8Array | string, headers?: MsgHdrs, patient = false): Promise<Msg> {
    return this.#await(subject, patient ? this.#patient : this.#pending, (reply) => {
      this.connection.publish(subject, payload, { reply, ...(headers && { headers }) });
      if (!patient) this.#timer ??= setTimeout(() => this.#late(), patience);
    });
  }

  /** Waits for an answer at an address of its own, which `send` is given. */
  #await(subject: string, requests: Map<string, Pending>, send: (reply: string) => void): Promise<Msg> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (!this.#connected) return Promise.reject(new Unanswered(false, "not connected"));
    const token = this.#token();
    return new Promise<Msg>((resolve, reject) => {
      requests.set(token, { subject, resolve, reject, since: performance.now() });
      try {
        send(`${this.#inbox}.${token}`);
      } catch (error) {
        this.#forget(token);
        reject(translateError(error, false));
      }
    });
  }

  /**
   * Sends a request that may be made twice, again and again at the same address, until there is an answer to any of them.
   */
  insist(subject: string, payload: string, call: Call): Promise<Msg> {
    let timer: NodeJS.Timeout | undefined;
    const answer = this.#await(subject, this.#patient, (reply) => {
      timer = setInterval(() => {
        if (call.signal.aborted) this.#fail(reply, call.signal.reason);
        else this.tell(subject, payload, reply);
      }, patience);
      this.connection.publish(subject, payload, { reply });
    });
    return answer.finally(() => clearInterval(timer));
  }

  /**
   * Gives all messages that are sent to the address to a listener, until it is closed. What a consumer delivers keeps its
   * own subject, so that it needs a subscription of its own.
   */
  listen(listener: (message: Msg) => void): { readonly address: string; close(): void } {
    const address = createInbox(this.#inboxPrefix);
    const subscription = this.connection.subscribe(address, {
      callback: (error, message) => {
        if (error === null) listener(message);
      },
    });
    return { address, close: () => this.connection.isClosed() || subscription.unsubscribe() };
  }

  /** Sends what nobody answers, or a listener does; nothing while not connected. */
  tell(subject: string, payload: string, reply?: string): void {
    if (!this.isConnected || this.connection.isClosed()) return;
    this.connection.publish(subject, payload, reply === undefined ? {} : { reply });
  }

  /** Resolves when there is a connection; rejects with the signal's reason, or when it was closed for good. */
  ready(signal: AbortSignal): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#connected) return Promise.resolve();
    return new Promise<void>((resolve, reject) => {
      const end = (): void => {
        this.onChange.delete(changed);
        signal.removeEventListener("abort", abort);
      };
      const abort = (): void => {
        end();
        reject(signal.reason);
      };
      const changed = (): void => {
        end();
        if (this.#closed === undefined) resolve();
        else reject(this.#closed);
      };
      this.onChange.add(changed);
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
    });
  }

  /** Gives up the subscription; the connection is left alone. */
  close(): void {
    clearTimeout(this.#timer);
    this.#end(new KeyValueError("CLOSED", "the manager is closed"));
    // The application's connection may live on, and would tell for ever.
    this.#events.stop?.();
    if (!this.connection.isClosed()) this.#subscription.unsubscribe();
  }

  #token(): string {
    this.#tokens += 1;
    return this.#tokens.toString(36);
  }

  #forget(token: string): Pending | undefined {
    const pending = this.#pending.get(token) ?? this.#patient.get(token);
    if (!this.#pending.delete(token)) this.#patient.delete(token);
    return pending;
  }

  #answered(message: Msg): void {
    this.#forget(this.#tokenOf(message.subject))?.resolve(message);
  }

  #fail(address: string, reason: unknown): void {
    this.#forget(this.#tokenOf(address))?.reject(reason);
  }

  #tokenOf(address: string): string {
    return address.slice(this.#inbox.length + 1);
  }

  /** Those that have waited too long: all requests are given the same time, the oldest come first. */
  #late(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [token, pending] of this.#pending) {
      const rest = pending.since + patience - now;
      if (rest > 0) {
        this.#timer = setTimeout(() => this.#late(), rest);
        return;
      }
      this.#pending.delete(token);
      pending.reject(new Unanswered(true, `no answer within ${patience} ms`));
    }
  }

  async #follow(): Promise<void> {
    for await (const event of this.#events) {
      if (event.type === "disconnect") this.#lost();
      else if (event.type === "reconnect") this.#change(true);
      else if (event.type === "error") this.#denied(event.error);
    }
    this.#end(new KeyValueError("CLOSED", "the connection was closed"));
  }

  #lost(): void {
    this.#change(false);
    this.#rejectAll(new Unanswered(true, "the connection was lost"));
  }

  #change(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    for (const changed of [...this.onChange]) changed(connected);
  }

  #end(reason: KeyValueError): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#rejectAll(new Unanswered(true, reason.message));
    for (const changed of [...this.onChange]) changed(false);
  }

  #rejectAll(reason: unknown): void {
    const all = [...this.#pending.values(), ...this.#patient.values()];
    this.#pending.clear();
    this.#patient.clear();
    for (const pending of all) pending.reject(reason);
  }

  /** A server says only which subject it refuses: the oldest request to it is meant. */
  #denied(error: unknown): void {
    const { name, operation, subject } = (error ?? {}) as {
      readonly name?: string;
      readonly operation?: string;
      readonly subject?: string;
    };
    if (name !== "PermissionViolationError" || operation !== "publish") return;
    for (const requests of [this.#pending, this.#patient]) {
      for (const [token, pending] of requests) {
        if (pending.subject !== subject) continue;
        requests.delete(token);
        pending.reject(
          new KeyValueError("PERMISSION_DENIED", `the user may not publish to ${subject}`, { cause: error }),
        );
        return;
      }
    }
  }
}

/** Tells whether an answer says that nobody listens to the subject. */
export function isUnheard(message: Msg): boolean {
  return message.data.length === 0 && message.headers?.code === 503;
}
