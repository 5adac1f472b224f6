import type { NormalizedConfig } from "@revkv/api";
import type { Ledger, Row } from "@revkv/api/adapter";
import { isDue, sizeOf } from "@revkv/api/adapter";

/** A ledger that holds a list of rows and looks at all of them for everything. */
export class NaiveLedger implements Ledger {
  config: NormalizedConfig;
  revision = 0;
  created = 0;
  compactedTo = 0;
  rows: readonly Row[] = [];

  constructor(config: NormalizedConfig) {
    this.config = config;
  }

  newest(key: string): Row | undefined {
    return this.kept(key).at(-1);
  }

  kept(key: string): readonly Row[] {
    return this.rows.filter((row) => row.key === key);
  }

  append(row: Row, keep: number): void {
    this.rows = [...this.rows, row];
    this.trim(row.key, keep);
  }

  remove(row: Row): void {
    this.rows = this.rows.filter((kept) => kept.revision !== row.revision);
  }

  /** In the order of the memory ledger, which decides the revisions of expiry markers: own deadlines come first. */
  due(now: number): readonly Row[] {
    const own = this.rows.filter((row) => isDue(row, undefined, now));
    own.sort((a, b) => (a.expiresAt ?? 0) - (b.expiresAt ?? 0) || a.revision - b.revision);
    return [...own, ...this.rows.filter((row) => isDue(row, this.config.ttl, now))];
  }

  bytes(): number {
    return this.rows.reduce((sum, row) => sum + sizeOf(row), 0);
  }

  trim(key: string, keep: number): void {
    for (const row of this.kept(key).slice(0, -keep)) this.remove(row);
  }
}
