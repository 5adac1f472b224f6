import type { Call } from "@revkv/api/adapter";
import type { Connections } from "./connections.ts";
import type { PostgresClient } from "./postgres-pool.ts";
import { PreparedQuery, protocolClient } from "./prepared-query.ts";
import type { Bound, Columns, Parameter, Session } from "./session.ts";
import { boundNow } from "./session.ts";
import type { Statement } from "./statements.ts";
import { isAnswer } from "./translate-error.ts";

/**
 * The server ends a transaction whose client has vanished: the bucket that it holds would be nobody's to write to for as
 * long as the network takes to find out.
 */
const begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '5s'";

/** How statements are sent. */
export interface PoolSessionOptions {
  /** Whether connections prepare statements by name; not possible through a pooler that does not keep track of them. */
  readonly preparedStatements: boolean;
  /** Whether writes open a transaction to choose READ COMMITTED, because it is not the default of the database. */
  readonly isolate: boolean;
}

/** Carries out each statement on whatever connection of a pool is free. */
export class PoolSession implements Session {
  readonly #connections: Connections;
  readonly #options: PoolSessionOptions;

  constructor(connections: Connections, options: PoolSessionOptions) {
    this.#connections = connections;
    this.#options = options;
  }

  run(statement: Statement, parameters: readonly Parameter[], call: Call): Promise<readonly Columns[]> {
    const send = statement.writes && this.#options.isolate ? this.#sendIsolated : this.#send;
    return this.#connections.lend(call, (client) => send.call(this, client, statement, boundNow(parameters)));
  }

  #send(client: PostgresClient, statement: Statement, parameters: readonly Bound[]): Promise<readonly Columns[]> {
    const { preparedStatements } = this.#options;
    const speaker = preparedStatements && statement.isHot ? protocolClient(client) : undefined;
    if (speaker === undefined) return this.#query(client, statement, parameters);
    return new Promise((resolve, reject) => {
      const settle: PreparedQuery["callback"] = (error, rows) => (rows === undefined ? reject(error) : resolve(rows));
      speaker.query(new PreparedQuery(statement, parameters, settle));
    });
  }

  async #query(
    client: PostgresClient,
    { name, text }: Statement,
    parameters: readonly Bound[],
  ): Promise<readonly Columns[]> {
    const named = this.#options.preparedStatements ? { name } : undefined;
    const result = await client.query({ ...named, text, values: parameters as unknown[], rowMode: "array" });
    return result.rows as readonly Columns[];
  }

  async #sendIsolated(
    client: PostgresClient,
    statement: Statement,
    parameters: readonly Bound[],
  ): Promise<readonly Columns[]> {
    await client.query({ text: begin });
    let rows: readonly Columns[];
    try {
      rows = await this.#send(client, statement, parameters);
    } catch (error) {
      if (isAnswer(error)) await client.query({ text: "ROLLBACK" });
      throw error;
    }
    await client.query({ text: "COMMIT" });
    return rows;
  }
}
