import { KeyValueError } from "@revkv/api";
import type { PostgresClient } from "./postgres-pool.ts";
import { numberOf } from "./rows.ts";

/** The oldest server that is supported: 13. */
const oldestVersion = 130_000;

/** What can happen where a setting is off. */
const risks: ReadonlyMap<string, string> = new Map([
  ["fsync", "when the machine of the database fails, acknowledged writes can be lost and the database be damaged"],
  ["full_page_writes", "when the machine of the database fails, the database can be damaged"],
  ["synchronous_commit", "when the database fails, the last acknowledged writes can be lost"],
]);

/** What is to be known of a server before it is used. */
export interface Server {
  /** True when READ COMMITTED is the default of transactions. */
  readonly isReadCommitted: boolean;
  /** True when the connection does not lead straight to the server. */
  readonly isPooled: boolean;
  /** What it is set up to do so that acknowledged writes can be lost, for a person. */
  readonly unsafeSettings: readonly string[];
  /** True when it follows another server, as far behind as the network and its load have it. */
  readonly isStandby: boolean;
}

/**
 * Looks at a server.
 *
 * @throws `INCOMPATIBLE_STORAGE` when it is too old or does not really lock, as some do that speak the same protocol
 */
export async function inspectServer(client: PostgresClient, lock: number): Promise<Server> {
  const { rows } = await client.query({
    text: `WITH held AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($1::int, -1) AS got)
      SELECT current_setting('server_version_num')::int AS number, version() AS name, pg_backend_pid() AS pid, pg_is_in_recovery() AS standby,
        current_setting('default_transaction_isolation') AS isolation,
        (SELECT string_agg(s.name, ' ') FROM pg_settings s WHERE s.setting = 'off' AND s.name = ANY ($2::text[])) AS off,
        (SELECT count(*)::int FROM pg_locks l WHERE l.locktype = 'advisory' AND l.pid = pg_backend_pid() AND got IS NOT NULL) AS locks,
        got
      FROM held`,
    values: [lock, [...risks.keys()]],
  });
  const [server] = rows as [
    {
      readonly number: unknown;
      readonly name: string;
      readonly pid: unknown;
      readonly standby: boolean;
      readonly isolation: string;
      readonly off?: string | null;
      readonly locks: unknown;
      readonly got: boolean;
    },
  ];
  if (numberOf(server.number) < oldestVersion) {
    throw new KeyValueError("INCOMPATIBLE_STORAGE", `the server is ${server.name}: at least PostgreSQL 13 is needed`);
  }
  if (server.got && numberOf(server.locks) === 0) {
    throw new KeyValueError("INCOMPATIBLE_STORAGE", `${server.name} has no advisory locks, which keep writes in order`);
  }
  const { processID } = client as unknown as { readonly processID?: number | null };
  return {
    isReadCommitted: server.isolation === "read committed",
    isPooled: processID !== numberOf(server.pid),
    unsafeSettings: (server.off?.split(" ") ?? []).map((name) => `${name} is off: ${risks.get(name)}`),
    isStandby: server.standby,
  };
}
