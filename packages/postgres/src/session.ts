import type { Call } from "@revkv/api/adapter";
import type { Statement } from "./statements.ts";

/** A value of a statement. Bytes are bound as they are. */
export type Bound = string | number | boolean | Uint8Array | null;

/** What becomes a value of a statement: a function is asked for it when the statement is sent. */
export type Parameter = Bound | (() => number);

/** The values of a statement that is sent now. */
export function boundNow(parameters: readonly Parameter[]): Bound[] {
  return parameters.map((parameter) => (typeof parameter === "function" ? parameter() : parameter));
}

/**
 * How long a statement waits for another transaction: what is left of a time, in milliseconds, when it is sent, after it
 * has perhaps waited for a connection.
 */
export function whatIsLeftOf(time: number): () => number {
  const end = performance.now() + time;
  return () => Math.max(1, Math.floor(end - performance.now()));
}

/** A row's columns in order, as drivers give them: whole numbers as text, as numbers or as BigInts. */
export type Columns = readonly unknown[];

/** Where statements are carried out: on any connection of a pool, or within a transaction of the application. */
export interface Session {
  /** Carries out one statement; the driver's errors are passed on as they are. */
  run(statement: Statement, parameters: readonly Parameter[], call: Call): Promise<readonly Columns[]>;
}
