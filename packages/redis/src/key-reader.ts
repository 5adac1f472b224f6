import type { Call, KeyPage, KeyQuery, Row } from "@revkv/api/adapter";
import type { BucketScripts } from "./bucket-scripts.ts";
import { rangeArguments } from "./log-reader.ts";
import { numberOf, rowOf } from "./rows.ts";

/** Reads a page of live keys. */
export async function readKeyPage(scripts: BucketScripts, query: KeyQuery, call: Call): Promise<KeyPage> {
  const { filter, after, values, limit, maxBytes } = query;
  const ranges = rangeArguments(filter, after);
  if (ranges.length === 0) return { rows: [], end: after, done: true };
  const args = [after, values ? "1" : "0", String(limit), String(maxBytes), ...ranges];
  const [ttl, end, isDone, ...found] = (await scripts.read("readKeys", args, call)) as readonly unknown[];
  const rows: Row[] = [];
  for (let index = 0; index < found.length; index += 2) {
    rows.push(rowOf(String(found[index]), found[index + 1] as Buffer, numberOf(ttl)));
  }
  return { rows, end: String(end), done: numberOf(isDone) === 1 };
}
