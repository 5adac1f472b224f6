import type { Call, KeyPage, KeyQuery, Row } from "@revkv/api/adapter";
import { ranges } from "./log-reader.ts";
import type { Store } from "./postgres-bucket.ts";
import { rowOf } from "./rows.ts";

/** Reads a page of live keys. The server gives every key that it looked at, so that the page says how far it reaches. */
export async function readKeyPage(store: Store, id: number, query: KeyQuery, call: Call): Promise<KeyPage> {
  const { filter, after, values, limit, maxBytes } = query;
  const found = await store.session.run(
    store.statements.query.readKeys,
    [id, after, ...ranges(filter), values, limit, maxBytes],
    call,
  );
  const rows: Row[] = [];
  let looked = 0;
  let bytes = 0;
  let end = after;
  for (const [ttl, revision, created, expires, size, isLive, key, value] of found) {
    if (key === null) continue;
    looked += 1;
    end = key as string;
    if (isLive !== true) continue;
    const row = rowOf({ key: end, revision, op: 0, created, expires, size, value, ttl });
    if (values) bytes += row.length;
    rows.push(row);
  }
  return { rows, end, done: looked < limit && bytes < maxBytes };
}
