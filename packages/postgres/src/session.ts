import type { Call } from "@revkv/api/adapter";
import type { Statement } from "./statements.ts";

/** A value of a statement. Bytes are bound as they are. */
export type Parameter = string | number | boolean | Uint8Array | null;

/** A row's columns in order, as drivers give them: whole numbers as text, as numbers or as BigInts. */
export type Columns = readonly unknown[];

/** Where statements are carried out: on any connection of a pool, or within a transaction of the application. */
export interface Session {
  /** Carries out one statement; the driver's errors are passed on as they are. */
  run(statement: Statement, parameters: readonly Parameter[], call: Call): Promise<readonly Columns[]>;
}
