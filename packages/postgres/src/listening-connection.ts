import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { KeyValueError } from "@revkv/api";
import type { ClientConfig } from "pg";
import pg from "pg";

/** How long an answer may take on the connection that listens, in milliseconds. */
const answerTimeout = 5000;

/** How long a notification to ourselves may take, in milliseconds. */
const echoTimeout = 1000;

/** How long the server may take to end the connection when it is asked to, in milliseconds. */
const closeTimeout = 1000;

/**
 * A connection that listens for notifications. Its methods are called one after the other, but for {@link close}. It
 * keeps no process alive: whoever waits for a change does (rule W9).
 */
export class ListeningConnection {
  onNotification: (channel: string) => void = ignore;
  onLost: () => void = ignore;
  readonly #client: pg.Client;
  readonly #stream: Duplex & Partial<Pick<Socket, "unref">>;
  readonly #sender: string;
  readonly #notify: (channel: string) => Promise<unknown>;
  #isConnected = false;
  #failure: unknown;
  #echo: ((channel: string) => void) | undefined;

  /** Notifications whose payload is `sender` are our own; `notify` sends one on another connection. */
  constructor(config: ClientConfig, sender: string, notify: (channel: string) => Promise<unknown>) {
    const stream = config.stream?.() ?? new Socket();
    const client = new pg.Client({
      ...config,
      // Ours to destroy: the client only asks the server to end the connection, which may not answer any more.
      stream: () => stream,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      connectionTimeoutMillis: answerTimeout,
    });
    this.#client = client;
    this.#stream = stream;
    this.#sender = sender;
    this.#notify = notify;
    client.on("error", (error) => this.#lose(error));
    client.on("end", () => this.#lose(new Error("the connection was closed")));
    client.on("notification", ({ channel, payload }) => {
      this.#echo?.(channel);
      // What this manager has written itself, it knows already.
      if (payload !== this.#sender) this.onNotification(channel);
    });
  }

  /** @throws `UNSUPPORTED` when notifications cannot come, or what the driver says */
  async connect(): Promise<void> {
    const connecting = this.#client.connect();
    this.#stream.unref?.();
    await connecting;
    this.#isConnected = true;
    const [server] = await this.#ask("SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS standby");
    const { pid, standby } = server as { readonly pid: unknown; readonly standby: boolean };
    if (standby) throw new KeyValueError("UNSUPPORTED", "a standby does not announce changes");
    const { processID } = this.#client as unknown as { readonly processID: number | null };
    // A pooler in between has processes of its own, and may give the server's connection to others.
    if (Number(pid) === processID || (await this.#isEchoed())) return;
    throw new KeyValueError(
      "UNSUPPORTED",
      "notifications do not come through the pooler in between: give a direct listenConnectionString",
    );
  }

  /** Throws what has ended the connection, if anything has. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Listens to some channels and no more to others. */
  async listen(channels: readonly string[], no: readonly string[]): Promise<void> {
    const commands = [...channels.map((channel) => `LISTEN ${channel}`), ...no.map((channel) => `UNLISTEN ${channel}`)];
    await this.#ask(commands.join("; "));
  }

  /** Makes sure that the server is there and that we listen to so many channels. */
  async test(channels: number): Promise<void> {
    const [found] = await this.#ask("SELECT count(*) AS count FROM pg_listening_channels()");
    if (Number((found as { readonly count: unknown }).count) < channels)
      throw new KeyValueError("UNAVAILABLE", "the server does not know what we listen to any more");
  }

  /** Ends the connection and what is under way on it; does not wait for the server. */
  close(): void {
    this.onLost = ignore;
    this.onNotification = ignore;
    if (!this.#isConnected) {
      this.#stream.destroy();
      return;
    }
    const timer = setTimeout(() => this.#stream.destroy(), closeTimeout).unref();
    this.#client.end().then(() => clearTimeout(timer), ignore);
  }

  async #isEchoed(): Promise<boolean> {
    const echo = `${this.#sender}_echo`;
    await this.listen([echo], []);
    const arrived = new Promise<boolean>((resolve) => {
      const timer = setTimeout(resolve, echoTimeout, false).unref();
      this.#echo = (channel) => {
        if (channel !== echo) return;
        clearTimeout(timer);
        resolve(true);
      };
    });
    await this.#notify(echo);
    const isEchoed = await arrived;
    this.#echo = undefined;
    await this.listen([], [echo]);
    return isEchoed;
  }

  async #ask(text: string): Promise<readonly unknown[]> {
    this.check();
    const timer = setTimeout(() => {
      this.#stream.destroy(new Error(`no answer within ${answerTimeout} ms`));
    }, answerTimeout).unref();
    try {
      const { rows } = await this.#client.query(text);
      return rows;
    } finally {
      clearTimeout(timer);
    }
  }

  #lose(error: unknown): void {
    this.#failure ??= error;
    this.onLost();
  }
}

function ignore(): void {}
