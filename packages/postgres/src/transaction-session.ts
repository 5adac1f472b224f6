import type { Columns, Parameter, Session } from "./session.ts";
import type { Statement } from "./statements.ts";

/**
 * A client of `pg` between the caller's BEGIN and COMMIT, or anything else that carries out a statement with its values
 * (`$1`, `$2`, …) within a transaction and gives rows as objects, columns in order.
 */
export interface TransactionClient {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Carries out statements within a transaction of the application, one after the other. */
export class TransactionSession implements Session {
  readonly #client: TransactionClient;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: TransactionClient) {
    this.#client = client;
  }

  run({ text }: Statement, parameters: readonly Parameter[]): Promise<readonly Columns[]> {
    const send = async (): Promise<readonly Columns[]> => {
      const { rows } = await this.#client.query(text, [...parameters]);
      return rows.map((row) => (Array.isArray(row) ? row : Object.values(row as object)));
    };
    const answer = this.#last.then(send, send);
    this.#last = answer;
    return answer;
  }
}
