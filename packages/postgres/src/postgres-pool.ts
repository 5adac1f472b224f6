/** What a query gives. */
export interface PostgresResult {
  readonly rows: readonly unknown[];
}

/** A query as `pg` takes it. */
export interface PostgresQuery {
  readonly name?: string;
  readonly text: string;
  readonly values?: unknown[];
  readonly rowMode?: "array";
}

/** What is needed of a connection of a pool. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>;
  on(event: "error", listener: (error: Error) => void): unknown;
  /** Gives the connection back, or closes it. */
  release(destroy?: boolean): void;
}

/** What is needed of a `pg.Pool`, or of anything that behaves like one. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  /** How many wait for a connection. */
  readonly waitingCount?: number;
  /** Told of each new connection, so that none is lost unguarded. */
  on?(event: "connect", listener: (client: PostgresClient) => void): unknown;
  removeListener?(event: "connect", listener: (client: PostgresClient) => void): unknown;
  /** How the pool connects; for the connection that listens for notifications. Without, changes are found by polling. */
  readonly options?: object;
}
