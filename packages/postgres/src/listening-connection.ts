import { KeyValueError } from "@revkv/api";
import type { ClientConfig } from "pg";
import pg from "pg";

/** How long an answer may take on the connection that listens, in milliseconds. */
const answerTimeout = 5000;

/** How long a notification to ourselves may take, in milliseconds. */
const echoTimeout = 1000;

/** A connection that listens for notifications. Its methods are called one after the other. */
export class ListeningConnection {
  onNotification: (channel: string) => void = () => undefined;
  onLost: () => void = () => undefined;
  readonly #client: pg.Client;
  readonly #sender: string;
  readonly #notify: (channel: string) => Promise<unknown>;
  #isLost = false;
  #echo: ((channel: string) => void) | undefined;

  private constructor(client: pg.Client, sender: string, notify: (channel: string) => Promise<unknown>) {
    this.#client = client;
    this.#sender = sender;
    this.#notify = notify;
    client.on("error", () => this.#lose());
    client.on("end", () => this.#lose());
    client.on("notification", ({ channel, payload }) => {
      this.#echo?.(channel);
      // What this manager has written itself, it knows already.
      if (payload !== this.#sender) this.onNotification(channel);
    });
  }

  /**
   * Opens a connection. Notifications whose payload is `sender` are our own; `notify` sends one on another connection.
   */
  static async open(
    config: ClientConfig,
    sender: string,
    notify: (channel: string) => Promise<unknown>,
  ): Promise<ListeningConnection> {
    const client = new pg.Client({
      ...config,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      connectionTimeoutMillis: answerTimeout,
    });
    const connection = new ListeningConnection(client, sender, notify);
    await client.connect();
    return connection;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Tells whether notifications arrive: a pooler in between may give the server's connection to others. */
  async isNotified(): Promise<boolean> {
    const { rows } = await this.#ask("SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS standby");
    const [{ pid, standby }] = rows as [{ readonly pid: number; readonly standby: boolean }];
    if (standby) return false;
    const { processID } = this.#client as unknown as { readonly processID: number | null };
    return pid === processID || (await this.#isEchoed());
  }

  /** Listens to some channels and no more to others. */
  async listen(channels: readonly string[], no: readonly string[]): Promise<void> {
    const commands = [...channels.map((channel) => `LISTEN ${channel}`), ...no.map((channel) => `UNLISTEN ${channel}`)];
    if (commands.length > 0) await this.#ask(commands.join("; "));
  }

  /** Makes sure that the server is there and that we listen to so many channels. */
  async test(channels: number): Promise<void> {
    const { rows } = await this.#ask("SELECT count(*)::int AS count FROM pg_listening_channels()");
    const [{ count }] = rows as [{ readonly count: number }];
    if (count !== channels)
      throw new KeyValueError("UNAVAILABLE", "the server does not know what we listen to any more");
  }

  close(): void {
    this.#isLost = true;
    this.onLost = () => undefined;
    this.onNotification = () => undefined;
    (this.#client as unknown as { unref(): void }).unref();
    this.#client.end().catch(() => undefined);
  }

  async #isEchoed(): Promise<boolean> {
    const echo = `${this.#sender}_echo`;
    await this.listen([echo], []);
    const arrived = new Promise<boolean>((resolve) => {
      const timer = setTimeout(resolve, echoTimeout, false);
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

  async #ask(text: string): Promise<pg.QueryResult> {
    if (this.#isLost) throw new KeyValueError("UNAVAILABLE", "the connection that listens for changes was lost");
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // With a query under way this closes the socket at once.
        this.#client.end().catch(() => undefined);
        reject(
          new KeyValueError("UNAVAILABLE", "the server does not answer on the connection that listens for changes"),
        );
      }, answerTimeout);
    });
    try {
      return await Promise.race([this.#client.query(text), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #lose(): void {
    this.#isLost = true;
    this.onLost();
  }
}
