/** What SQLite stores and gives. */
export type SqlValue = string | number | null | Uint8Array;

/** A prepared statement; its parameters are bare question marks. */
export interface Statement {
  /** The first row; undefined when there is none. */
  get(...parameters: readonly SqlValue[]): readonly SqlValue[] | undefined;
  /** All rows. */
  all(...parameters: readonly SqlValue[]): readonly (readonly SqlValue[])[];
  /** Carries out a statement that gives no rows; tells how many it changed. */
  run(...parameters: readonly SqlValue[]): { readonly changes: number | bigint };
}

/** The names of SQLite's primary result codes, without the prefix: `BUSY`, `FULL`. */
export type ResultCode = string;

/** Tells what SQLite said in an error; undefined when it is none of SQLite's. */
export type ResultOf = (error: unknown) => ResultCode | undefined;

/** Which library brings SQLite. */
export type DriverName = "better-sqlite3" | "node:sqlite";

/** One connection to a database, as the storage needs it: what differs between the libraries that bring SQLite. */
export interface Driver {
  readonly name: DriverName;
  /** True while a transaction is open, by whomever. */
  readonly inTransaction: boolean;
  readonly resultOf: ResultOf;
  exec(sql: string): void;
  /** Prepares a statement that gives no rows. */
  command(sql: string): Statement;
  /** Prepares a statement that gives rows. */
  query(sql: string): Statement;
  close(): void;
}

/** A library that brings SQLite. */
export interface DriverLibrary {
  readonly name: DriverName;
  /** The version of its SQLite. */
  readonly sqlite: string;
  readonly resultOf: ResultOf;
  /** Opens a file, with the library's own waiting for locks switched off: it would block the process. */
  open(file: string, readOnly: boolean): Driver;
}
