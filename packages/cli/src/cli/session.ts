import type { KeyValue, KeyValueEvent, KeyValueManager } from "@revkv/api";
import { connect } from "../connect.ts";
import { defaultStore } from "./default-store.ts";
import { withoutPasswords } from "./failure.ts";
import { Output } from "./output.ts";
import { checkThatItExists } from "./store-url.ts";

/** What every verb understands. */
export interface GlobalOptions {
  readonly store?: string;
  readonly json?: boolean;
  readonly timeout?: number;
}

/** What a verb works with: where its buckets are, where results go, and when to stop. */
export class Session implements AsyncDisposable {
  readonly output: Output;
  /** Aborted by Ctrl-C, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
  /** The URL of the store that was chosen. */
  readonly store: string;
  /** How long each step may wait for a store, in milliseconds; undefined: as the adapter has it. */
  readonly timeout: number | undefined;
  readonly #managers: KeyValueManager[] = [];

  constructor(options: GlobalOptions, signal: AbortSignal) {
    this.output = new Output(options.json ?? false, process.stdout);
    this.signal = signal;
    this.store = options.store ?? (process.env["REVKV_STORE"] || defaultStore);
    this.timeout = options.timeout;
  }

  /** Opens a store until the verb has done its work; `create` when a file may be made for it. */
  async open(store: string = this.store, mayCreate: "create" | "must-exist" = "must-exist"): Promise<KeyValueManager> {
    if (mayCreate === "must-exist") checkThatItExists(store);
    const manager = await connect(store, { timeout: this.timeout, onEvent: (event) => this.#tell(event) });
    this.#managers.push(manager);
    return manager;
  }

  /** Opens the store that was chosen, and a bucket in it. */
  async bucket(name: string): Promise<KeyValue> {
    const manager = await this.open();
    return manager.keyValue(name, { signal: this.signal });
  }

  /** Tells a person something that is no result: on standard error. */
  note(text: string): void {
    process.stderr.write(`${withoutPasswords(text)}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#managers.splice(0).map((manager) => manager.close()));
  }

  #tell({ type, message }: KeyValueEvent): void {
    // What is unsafe about a server is what `doctor` looks at.
    if (type !== "unsafe-setting") this.note(`revkv: ${message}`);
  }
}
