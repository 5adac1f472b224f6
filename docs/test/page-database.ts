import { dirname } from "node:path";
import { startPgBouncer } from "@revkv/servers/pgbouncer";
import type { PostgresServer } from "@revkv/servers/postgres";
import { databaseOf } from "@revkv/servers/postgres";
import { needTool } from "@revkv/servers/tool";
import type { CodeBlock } from "./code-blocks.ts";

/** A database for the blocks of one file. */
export interface PageDatabase extends AsyncDisposable {
  /** Where programs find it. */
  readonly environment: Readonly<Record<string, string>>;
  /** The folder of the programs of Postgres. */
  readonly programs: string;
  /** Starts PgBouncer before it with what a `pgbouncer.ini` says; later blocks find it as `POOLER_URL`. */
  startPooler(ini: string): Promise<void>;
}

/** Tells whether a block finds a database: it names one, or is in a language that can do nothing without. */
export function needsDatabase({ language, marker, text }: CodeBlock): boolean {
  if (marker !== undefined) return false;
  return /^(sql|ini)$/.test(language) || (/^(ts|sh)$/.test(language) && /\b(DATABASE|POOLER)_URL\b/.test(text));
}

export async function openPageDatabase(server: PostgresServer): Promise<PageDatabase> {
  const database = await databaseOf(server);
  const environment: Record<string, string> = { DATABASE_URL: database.url };
  const resources: AsyncDisposable[] = [database];
  return {
    environment,
    programs: dirname(needTool("psql", "postgresql-client")),
    startPooler: async (ini) => {
      const pooler = await startPgBouncer(database.url, { mode: "session", settings: settingsOf(ini) });
      resources.unshift(pooler);
      environment["POOLER_URL"] = pooler.url;
    },
    [Symbol.asyncDispose]: async () => {
      for (const resource of resources) await resource[Symbol.asyncDispose]();
    },
  };
}

/** What is set in the section `[pgbouncer]`; where the databases are, the test knows better. */
function settingsOf(ini: string): Record<string, string> {
  const [, section = ""] = ini.split(/^\[pgbouncer\]$/m);
  return Object.fromEntries(
    [...section.matchAll(/^(\w+) = (.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
}
