import { createHash } from "node:crypto";
import { migrations, queries } from "./generated/sql.ts";

/** The clock of all processes, in milliseconds since 1970 (rule T6). In place: a function would cost more than it does. */
const now = "(extract(epoch FROM clock_timestamp())::numeric * 1000.0)::bigint";

type QueryName = keyof typeof queries;

/** A statement as it is sent: the name lets a connection prepare it once. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** True when it can write: it needs READ COMMITTED, and an answer that does not come is of unknown outcome. */
  readonly writes: boolean;
  /** True when it is carried out for each call, and its columns can be taken as text. */
  readonly isHot: boolean;
}

const writing: ReadonlySet<string> = new Set<QueryName>([
  "createBucket",
  "dropBucket",
  "sweep",
  "cleanUp",
  "write",
  "commit",
  "configure",
  "purgeMarkers",
]);

const hot: ReadonlySet<string> = new Set<QueryName>(["read", "readMany", "readRevision", "write", "commit", "notify"]);

/** What is in SQL of its own, with the schema's name filled in. */
export class Statements {
  /** The schema's name. */
  readonly name: string;
  /** The same as SQL writes it. */
  readonly schema: string;
  /** The class of the advisory locks of this schema, of those that hold a bucket. */
  readonly lock: number;
  readonly #id: string;
  readonly #queries: Readonly<Record<QueryName, Statement>>;

  constructor(schema: string) {
    const digest = createHash("sha256").update(`revkv:${schema}`).digest();
    this.name = schema;
    this.schema = `"${schema.replaceAll('"', '""')}"`;
    this.lock = digest.readInt32BE(0);
    this.#id = digest.toString("hex", 0, 6);
    this.#queries = Object.fromEntries(
      Object.entries(queries).map(([name, text]) => [
        name,
        { name: `revkv_${this.#id}_${name}`, text: this.#fill(text), writes: writing.has(name), isHot: hot.has(name) },
      ]),
    ) as Record<QueryName, Statement>;
  }

  get query(): Readonly<Record<QueryName, Statement>> {
    return this.#queries;
  }

  /** The steps that build the schema, in order. */
  get migrations(): readonly string[] {
    return Object.values(migrations).map((text) => this.#fill(text));
  }

  /** The name of the channel on which changes of a bucket are announced; it needs no quoting. */
  channel(bucket: number): string {
    return `revkv_${this.#id}_${bucket}`;
  }

  /**
   * A statement on a bucket, by an application's own connection: fails where that leads to another database, and if it
   * writes, the commit of its transaction is announced.
   */
  within(bucket: number, incarnation: string, { text, writes }: Statement): string {
    const announced = writes ? `, pg_notify('${this.channel(bucket)}', '')::text AS announced` : "";
    return `SELECT w.*${announced} FROM ${this.schema}.recognize(${bucket}, '${incarnation}') r, (\n${text}\n) w`;
  }

  #fill(text: string): string {
    return text
      .replaceAll("{schema}", this.schema)
      .replaceAll("{now}", now)
      .replaceAll("{lock}", String(this.lock))
      .replaceAll("{sweeperLock}", String(this.lock ^ 1));
  }
}
