import type { PGlite } from "@electric-sql/pglite";
import type { PostgresClient, PostgresPool, PostgresQuery, PostgresResult } from "../src/index.ts";

/** The types of what we bind as bytes: `bytea` and `bytea[]`. PGlite would write the second as text. */
const bytes = { 17: asIs, 1001: asIs };

/** A pool with the one connection that PGlite is: whoever asks for it waits until it is given back. */
export function pglitePool(database: PGlite): PostgresPool {
  let last: Promise<unknown> = database.waitReady;
  const lend = (giveBack: () => void): PostgresClient => {
    let running: Promise<unknown> = Promise.resolve();
    return {
      query: (query) => {
        const result = carryOut(database, query);
        running = result.catch(() => undefined);
        return result;
      },
      on: () => undefined,
      release: (destroy) => {
        // A connection that is closed would undo what is not committed.
        const done = destroy ? running.then(() => database.exec("ROLLBACK")) : running;
        void done.then(giveBack);
      },
    };
  };
  return {
    connect: async () => {
      const { promise: returned, resolve: giveBack } = Promise.withResolvers<void>();
      const before = last;
      last = returned;
      await before;
      return lend(giveBack);
    },
  };
}

async function carryOut(database: PGlite, { text, values = [], rowMode }: PostgresQuery): Promise<PostgresResult> {
  if (values.length > 0) return database.query(text, values, { rowMode: rowMode ?? "object", serializers: bytes });
  // As with pg, there can be several statements where nothing is bound.
  const results = await database.exec(text, { rowMode: rowMode ?? "object" });
  return results.at(-1) ?? { rows: [] };
}

function asIs(value: unknown): string {
  return value as string;
}
