import { KeyValueError } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import type { Columns, Parameter, Session } from "./session.ts";
import { boundNow } from "./session.ts";
import type { Statement } from "./statements.ts";

/**
 * A client of `pg` between the caller's BEGIN and COMMIT, or anything else that carries out a statement with its values
 * (`$1`, `$2`, …) within a transaction and gives rows as objects, columns in order. Its errors are those of `pg`, or have
 * them as their `cause`.
 */
export interface TransactionClient {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  /** What `pg` knows of the connection: `"I"` outside of a transaction. */
  getTransactionStatus?(): string | null;
}

/** When the last statement that was given to a client is done: clients carry out one at a time. */
const turns: WeakMap<TransactionClient, Promise<void>> = new WeakMap();

/** Carries out statements within a transaction of the application, one after the other. */
export class TransactionSession implements Session {
  readonly #client: TransactionClient;
  readonly #textOf: (statement: Statement) => string;

  /** `textOf` says how a statement reads within a transaction: what is written is announced by its commit, and only then. */
  constructor(client: TransactionClient, textOf: (statement: Statement) => string) {
    this.#client = client;
    this.#textOf = textOf;
  }

  run(statement: Statement, parameters: readonly Parameter[], { signal }: Call): Promise<readonly Columns[]> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(new KeyValueError("TIMEOUT", "the transaction's client was not free in time"));
      signal.addEventListener("abort", giveUp, { once: true });
      // What was given up must not be sent later: the client may be in other hands by then.
      const turn = async (): Promise<void> => {
        if (signal.aborted) return;
        signal.removeEventListener("abort", giveUp);
        await this.#send(statement, parameters).then(resolve, reject);
      };
      turns.set(this.#client, (turns.get(this.#client) ?? Promise.resolve()).then(turn));
    });
  }

  async #send(statement: Statement, parameters: readonly Parameter[]): Promise<readonly Columns[]> {
    if (this.#client.getTransactionStatus?.() === "I") {
      throw new KeyValueError(
        "INVALID_ARGUMENT",
        "the client is not in a transaction: BEGIN comes before, COMMIT after",
      );
    }
    try {
      const { rows } = await this.#client.query(this.#textOf(statement), boundNow(parameters));
      return rows.map((row) => (Array.isArray(row) ? row : Object.values(row as object)));
    } catch (error) {
      throw answerIn(error) ?? failed(error);
    }
  }
}

/** The server's answer in an error, which some query builders wrap into one of their own. */
function answerIn(error: unknown): unknown {
  for (let inner = error; inner instanceof Error; inner = inner.cause) if ("severity" in inner) return inner;
  return undefined;
}

/** Without an answer the transaction was not carried out either: its COMMIT was not sent yet (rule M10). */
function failed(error: unknown): KeyValueError {
  const message = error instanceof Error ? error.message : String(error);
  return new KeyValueError("UNAVAILABLE", `the client of the transaction failed: ${message}`, { cause: error });
}
