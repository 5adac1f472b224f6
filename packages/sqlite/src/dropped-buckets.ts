import { integer } from "./bucket-statements.ts";
import type { Driver, Statement } from "./driver.ts";
import { rowsTable, stopCountingBytes } from "./schema.ts";

/**
 * How many rows a step removes, and of what size, in bytes: of a large value each page has to be found. One row is always
 * removed, whatever its size.
 */
const pageRows = 1000;
const pageBytes = 4 * 2 ** 20;

/** A table with no more rows, and values of one page, is removed at once. */
const small = 10_000;

/**
 * Buckets that were deleted: nobody finds them, and their rows are removed in steps, since giving back all pages of a
 * large table at once would hold up everybody.
 */
export class DroppedBuckets {
  readonly #driver: Driver;
  readonly #prefix: string;
  readonly #first: Statement;

  constructor(driver: Driver, prefix: string) {
    this.#driver = driver;
    this.#prefix = prefix;
    this.#first = driver.query(`SELECT id FROM "${prefix}dropped" ORDER BY id LIMIT 1`);
  }

  /** One that has rows left; undefined when there is none. */
  first(): number | undefined {
    return this.#first.get()?.[0] as number | undefined;
  }

  /** Removes a bucket's rows, or takes them out of everybody's sight, within a write transaction. */
  add(id: number): void {
    const table = rowsTable(this.#prefix, id);
    const [rows, bytes] = this.#driver
      .query(
        `SELECT count(*), ifnull(sum(size), 0) FROM (SELECT length(value) AS size FROM "${table}" LIMIT ${small + 1})`,
      )
      .get() as readonly [number, number];
    if (rows <= small && bytes <= pageBytes) {
      this.#driver.exec(`DROP TABLE "${table}"`);
      return;
    }
    stopCountingBytes(this.#driver, table);
    // Statements that were prepared for it fail from now on, and so tell that the bucket is gone.
    this.#rename(table, this.#table(id));
    this.#driver.exec(`INSERT INTO "${this.#prefix}dropped" VALUES (${id})`);
  }

  /** Removes some of what is left of a bucket, within a write transaction; false when there was nothing. */
  removePage(): boolean {
    const id = this.first();
    if (id === undefined) return false;
    const table = this.#table(id);
    const index = this.#driver
      .query(`SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = '${table}' LIMIT 1`)
      .get()?.[0];
    if (index !== undefined) {
      this.#driver.exec(`DROP INDEX "${index}"`);
      return true;
    }
    const last = this.#lastOfPage(table);
    if (last !== undefined) {
      this.#driver.command(`DELETE FROM "${table}" WHERE id <= ${integer}`).run(last);
    } else {
      this.#driver.exec(`DROP TABLE "${table}"; DELETE FROM "${this.#prefix}dropped" WHERE id = ${id}`);
    }
    return true;
  }

  /** Up to which id a step removes a table's rows; undefined when there are none. */
  #lastOfPage(table: string): number | undefined {
    const [last] = this.#driver
      .query(
        `SELECT max(id) FROM (SELECT id, row_number() OVER rows AS row, sum(size) OVER rows AS bytes FROM
          (SELECT id, length(value) AS size FROM "${table}" ORDER BY id LIMIT ${pageRows})
          WINDOW rows AS (ORDER BY id)) WHERE row = 1 OR bytes <= ${pageBytes}`,
      )
      .get() as readonly [number | null];
    return last ?? undefined;
  }

  /** Renames no more than the table: else views of the application that do not work any more would be in the way. */
  #rename(table: string, name: string): void {
    const [former] = this.#driver.query("PRAGMA legacy_alter_table").get() as readonly [number];
    this.#driver.exec("PRAGMA legacy_alter_table = ON");
    try {
      this.#driver.exec(`ALTER TABLE "${table}" RENAME TO "${name}"`);
    } finally {
      this.#driver.exec(`PRAGMA legacy_alter_table = ${former}`);
    }
  }

  #table(id: number): string {
    return `${this.#prefix}dropped_${id}`;
  }
}
