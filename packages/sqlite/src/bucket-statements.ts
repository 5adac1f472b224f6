import type { Driver, Statement } from "./driver.ts";
import { rowsTable } from "./schema.ts";

/** Which rows a read sees. */
export interface View {
  /**
   * True in a bucket whose entries can expire: due rows are left out then. The statement has three parameters more, as
   * {@link viewParameters} gives them.
   */
  readonly expiring: boolean;
  /** True when only the newest row of each key is wanted. */
  readonly newestOnly: boolean;
}

/**
 * The statements of one bucket, prepared when they are first needed. Plans do not depend on statistics: the index is
 * named where SQLite could take another.
 */
export class BucketStatements {
  readonly table: string;
  readonly #driver: Driver;
  readonly #bucket: string;
  readonly #id: number;
  readonly #prepared: Map<string, Statement> = new Map();

  constructor(driver: Driver, prefix: string, id: number) {
    this.#driver = driver;
    this.#bucket = `"${prefix}bucket"`;
    this.#id = id;
    this.table = rowsTable(prefix, id);
  }

  /** The bucket's row: config, revision, created, compacted_to, bytes, and revision and created of its newest row. */
  state(): Statement {
    return this.#query(
      "state",
      () => `SELECT b.config, b.revision, b.created, b.compacted_to, b.bytes, r.revision, r.created FROM ${this.#bucket} b
        LEFT JOIN ${this.#rows} r ON r.id = (SELECT id FROM ${this.#rows} INDEXED BY ${this.#index("revision")}
          WHERE revision > 0 ORDER BY revision DESC LIMIT 1) WHERE b.id = ${this.#id}`,
    );
  }

  /** Sets revision, created and compacted_to. */
  setState(): Statement {
    return this.#command(
      "setState",
      () => `UPDATE ${this.#bucket} SET revision = ?, created = ?, compacted_to = ? WHERE id = ${this.#id}`,
    );
  }

  /** Sets config, ttl and expiring. */
  setConfig(): Statement {
    return this.#command(
      "setConfig",
      () => `UPDATE ${this.#bucket} SET config = ?, ttl = ?, expiring = ? WHERE id = ${this.#id}`,
    );
  }

  /** The newest row of a key, the hottest statement: revision, created, own deadline, value or null, bucket's ttl. */
  get(): Statement {
    return this.#query(
      "get",
      () => `SELECT r.revision, r.created, r.expires, CASE r.op WHEN 0 THEN r.value END,
          (SELECT ttl FROM ${this.#bucket} WHERE id = ${this.#id})
        FROM ${this.#rows} r INDEXED BY ${this.#index("key")} WHERE r.key = ${text} ORDER BY r.id DESC LIMIT 1`,
    );
  }

  /** For each of the keys of a JSON array the id of its newest row, as far as it has one. */
  newestIds(): Statement {
    return this.#query(
      "newestIds",
      () => `SELECT n.id FROM (SELECT ${this.#newestOf("k.value", "id")} AS id FROM json_each(?) k) n
      WHERE n.id IS NOT NULL`,
    );
  }

  /** Rows by their ids, a JSON array, in its order; `expires` is the row's own deadline. */
  rows(values: boolean): Statement {
    return this.#query(
      `rows ${values}`,
      () => `SELECT ${columns(values)} FROM json_each(?) j CROSS JOIN ${this.#rows} r ON r.id = j.value`,
    );
  }

  /** The newest row of a key, without its value. */
  newest(): Statement {
    return this.#query(
      "newest",
      () => `SELECT ${columns(false)} FROM ${this.#rows} r INDEXED BY ${this.#index("key")} WHERE r.key = ${text}
        ORDER BY r.id DESC LIMIT 1`,
    );
  }

  /** All rows of a key, oldest first, without their values. */
  kept(): Statement {
    return this.#query(
      "kept",
      () =>
        `SELECT ${columns(false)} FROM ${this.#rows} r INDEXED BY ${this.#index("key")} WHERE r.key = ${text} ORDER BY r.id`,
    );
  }

  /** A row that is seen, by its revision. */
  revision(expiring: boolean): Statement {
    return this.#query(
      `revision ${expiring}`,
      () =>
        `SELECT ${columns(true)} FROM ${this.#byRevision} WHERE r.revision = ${integer}${this.#seen({ expiring, newestOnly: false })}`,
    );
  }

  /** Of the log from a revision (excluded) to another (included): revisions, sizes and ids, at most so many. */
  scan(view: View): Statement {
    return this.#query(
      `scan ${view.expiring} ${view.newestOnly}`,
      () => `SELECT r.revision, length(r.value), r.id FROM ${this.#byRevision}
        WHERE r.revision > ? AND r.revision <= ?${this.#seen(view)} ORDER BY r.revision LIMIT ${integer}`,
    );
  }

  /** The same for the rows whose key is in a range: from (included), to (excluded). */
  scanRange(view: View): Statement {
    return this.#query(
      `scanRange ${view.expiring} ${view.newestOnly}`,
      () => `SELECT r.revision, length(r.value), r.id FROM ${this.#byRevision}
        WHERE r.revision > ? AND r.revision <= ? AND r.key >= ? AND r.key < ?${this.#seen(view)} ORDER BY r.revision LIMIT ${integer}`,
    );
  }

  /** Of the revisions in the log behind one, the one that comes after so many others. */
  revisionBehind(): Statement {
    return this.#query(
      "revisionBehind",
      () =>
        `SELECT r.revision FROM ${this.#byRevision} WHERE r.revision > ? ORDER BY r.revision LIMIT 1 OFFSET ${integer}`,
    );
  }

  /**
   * Revisions, keys and ids of the rows in a range of keys, by key and then revision, behind a row of this key and id, at
   * most so many.
   */
  inRange(): Statement {
    return this.#query(
      "inRange",
      () => `SELECT r.revision, r.key, r.id FROM ${this.#rows} r INDEXED BY ${this.#index("key")}
        WHERE r.key >= ? AND r.key < ? AND (r.key, r.id) > (?, ?) ORDER BY r.key, r.id LIMIT ${integer}`,
    );
  }

  /** Of the rows with these revisions, a JSON array, those that are seen: revisions, sizes and ids. */
  sizes(view: View): Statement {
    return this.#query(
      `sizes ${view.expiring} ${view.newestOnly}`,
      () => `SELECT r.revision, length(r.value), r.id FROM json_each(?) j CROSS JOIN ${this.#byRevision} ON r.revision = j.value
        WHERE true${this.#seen(view)}`,
    );
  }

  /** Of each key in a range the newest row, sorted by key: revision, size, key, op, created, own deadline, id. */
  newestInRange(): Statement {
    return this.#query(
      "newestInRange",
      () => `SELECT r.revision, length(r.value), r.key, r.op, r.created, r.expires, r.id
        FROM (SELECT max(id) AS id FROM ${this.#rows} INDEXED BY ${this.#index("key")}
          WHERE key >= ? AND key < ? GROUP BY key ORDER BY key LIMIT ${integer}) n CROSS JOIN ${this.#rows} r ON r.id = n.id`,
    );
  }

  /** The highest revision of a marker whose own deadline is in a time: from (excluded), to (included). */
  lapsedMarker(): Statement {
    return this.#query(
      "lapsedMarker",
      () => `SELECT max(revision) FROM ${this.#rows} INDEXED BY ${this.#index("lapsing")}
        WHERE op <> 0 AND expires > ? AND expires <= ?`,
    );
  }

  /** The highest revision of a marker that was written by a time. */
  agedMarker(): Statement {
    return this.#query(
      "agedMarker",
      () => `SELECT revision FROM ${this.#rows} INDEXED BY ${this.#index("aging")} WHERE op <> 0 AND created <= ?
        ORDER BY created DESC, revision DESC LIMIT 1`,
    );
  }

  /** How many rows are seen, and what their keys and values add up to. */
  totals(expiring: boolean): Statement {
    return this.#query(
      `totals ${expiring}`,
      () => `SELECT count(*), ifnull(sum(length(r.key) + length(r.value)), 0) FROM ${this.#rows} r
        WHERE true${this.#seen({ expiring, newestOnly: false })}`,
    );
  }

  /** Rows whose own deadline has passed, the earliest first, at most so many. */
  expired(): Statement {
    return this.#query(
      "expired",
      () => `SELECT ${columns(false)} FROM ${this.#rows} r INDEXED BY ${this.#index("expires")}
        WHERE r.expires <= ? ORDER BY r.expires LIMIT ${integer}`,
    );
  }

  /** The oldest rows, at most so many. */
  oldest(): Statement {
    return this.#query(
      "oldest",
      () => `SELECT ${columns(false)} FROM ${this.#byRevision} ORDER BY r.revision LIMIT ${integer}`,
    );
  }

  /** The first deadline of a row's own, and when the oldest row was written. */
  firstDue(): Statement {
    return this.#query(
      "firstDue",
      () => `SELECT (SELECT expires FROM ${this.#rows} INDEXED BY ${this.#index("expires")}
          WHERE expires IS NOT NULL ORDER BY expires LIMIT 1),
        (SELECT created FROM ${this.#rows} INDEXED BY ${this.#index("revision")} ORDER BY revision LIMIT 1)`,
    );
  }

  /** Keys behind one that have a marker, sorted, at most so many. */
  markedKeys(): Statement {
    return this.#query(
      "markedKeys",
      () => `SELECT DISTINCT r.key FROM ${this.#rows} r INDEXED BY ${this.#index("marker")}
        WHERE r.op <> 0 AND r.key > ? ORDER BY r.key LIMIT ${integer}`,
    );
  }

  /** Adds a row: revision, key, op, created, expires, value. */
  insert(): Statement {
    return this.#command(
      "insert",
      () => `INSERT INTO ${this.#rows} (revision, key, op, created, expires, value) VALUES (?, ?, ?, ?, ?, ?)`,
    );
  }

  /**
   * Overwrites the newest row of a key with a value without a deadline, if it is one itself: revision, created, value, key.
   * What stays as it is is not named: SQLite looks after the indexes of every column that is.
   */
  overwriteValue(): Statement {
    return this.#command(
      "overwriteValue",
      () => `UPDATE ${this.#rows} SET revision = ?, created = ?, value = ?
        WHERE id = (SELECT max(id) FROM ${this.#rows} INDEXED BY ${this.#index("key")} WHERE key = ${text})
          AND op = 0 AND expires IS NULL`,
    );
  }

  /** Overwrites the newest row of a key, if it has one: revision, op, created, expires, value, key. */
  overwrite(): Statement {
    return this.#command(
      "overwrite",
      () => `UPDATE ${this.#rows} SET revision = ?, op = ?, created = ?, expires = ?, value = ?
        WHERE id = (SELECT max(id) FROM ${this.#rows} INDEXED BY ${this.#index("key")} WHERE key = ${text})`,
    );
  }

  /** Removes a row. */
  remove(): Statement {
    return this.#command(
      "remove",
      () => `DELETE FROM ${this.#rows} INDEXED BY ${this.#index("revision")} WHERE revision = ${integer}`,
    );
  }

  /** Removes rows by their revisions, a JSON array. */
  removeAll(): Statement {
    return this.#command(
      "removeAll",
      () => `DELETE FROM ${this.#rows} INDEXED BY ${this.#index("revision")}
        WHERE revision IN (SELECT value FROM json_each(?))`,
    );
  }

  /** Removes all rows of a key. */
  removeKey(): Statement {
    return this.#command(
      "removeKey",
      () => `DELETE FROM ${this.#rows} INDEXED BY ${this.#index("key")} WHERE key = ${text}`,
    );
  }

  /** Removes all but the newest rows of a key: key, key, how many stay. */
  trim(): Statement {
    return this.#command(
      "trim",
      () => `DELETE FROM ${this.#rows} INDEXED BY ${this.#index("key")} WHERE key = ${text} AND id <= (SELECT id
        FROM ${this.#rows} INDEXED BY ${this.#index("key")} WHERE key = ${text} ORDER BY id DESC LIMIT 1 OFFSET ${integer})`,
    );
  }

  /** Removes all but the newest rows of every key: how many stay. */
  trimAll(): Statement {
    return this.#command(
      "trimAll",
      () => `DELETE FROM ${this.#rows} WHERE id IN (SELECT id FROM
        (SELECT id, row_number() OVER (PARTITION BY key ORDER BY id DESC) AS place FROM ${this.#rows}) WHERE place > ?)`,
    );
  }

  get #rows(): string {
    return `"${this.table}"`;
  }

  /** The rows as `r`, found by their revisions. */
  get #byRevision(): string {
    return `${this.#rows} r INDEXED BY ${this.#index("revision")}`;
  }

  #index(name: string): string {
    return `"${this.table}_${name}"`;
  }

  #newestOf(key: string, column: "id" | "revision" | "expires" = "revision"): string {
    return `(SELECT ${column} FROM ${this.#rows} INDEXED BY ${this.#index("key")} WHERE key = ${key} ORDER BY id DESC LIMIT 1)`;
  }

  /**
   * The condition of a view on the row `r`. A due row is not seen, and neither is one behind which the key's newest row
   * is due (rules T1, T4). Since `created` never goes back, the newest row is the last to age: only its own deadline is
   * to be looked at.
   */
  #seen({ expiring, newestOnly }: View): string {
    const newest = newestOnly ? ` AND r.revision = ${this.#newestOf("r.key")}` : "";
    if (!expiring) return newest;
    return `${newest} AND r.created > ? AND ifnull(r.expires, ${never}) > ?
      AND ifnull(${this.#newestOf("r.key", "expires")}, ${never}) > ?`;
  }

  #query(name: string, sql: () => string): Statement {
    let statement = this.#prepared.get(name);
    if (statement === undefined) {
      statement = this.#driver.query(sql());
      this.#prepared.set(name, statement);
    }
    return statement;
  }

  #command(name: string, sql: () => string): Statement {
    let statement = this.#prepared.get(name);
    if (statement === undefined) {
      statement = this.#driver.command(sql());
      this.#prepared.set(name, statement);
    }
    return statement;
  }
}

/**
 * A parameter behind `=`, LIMIT or OFFSET. SQLite would plan the statement again for every new value of a bare one, since
 * another plan might be better, and some drivers forget the values after each run: that costs more than a point read.
 */
export const text: string = "CAST(? AS TEXT)";
export const integer: string = "CAST(? AS INTEGER)";

/** Later than any deadline. */
const never = "9e15";

/** The columns of a row: revision, key, op, created, own deadline, and the value or its length. */
function columns(values: boolean): string {
  return `r.revision, r.key, r.op, r.created, r.expires, ${values ? "r.value" : "length(r.value)"}`;
}
