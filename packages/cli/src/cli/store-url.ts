import { existsSync } from "node:fs";
import { adapterOf, sqliteFile } from "../adapters.ts";
import { notFound } from "./failure.ts";
import { UsageError } from "./usage-error.ts";

/** A bucket in a store. */
export interface BucketUrl {
  /** The store's URL; undefined: the store of the command. */
  readonly store: string | undefined;
  readonly bucket: string;
}

/** Reads `sqlite:./app.db/flags` or `redis://host:6379/0/flags?prefix=app`; without a slash it is a bucket's name. */
export function parseBucketUrl(text: string): BucketUrl {
  if (!/^[a-z]+:/i.test(text)) return { store: undefined, bucket: text };
  adapterOf(text);
  // A path of SQLite may have a question mark in it.
  const query = text.startsWith("sqlite:") ? text.length : text.search(/\?|$/);
  const slash = text.lastIndexOf("/", query);
  const bucket = text.slice(slash + 1, query);
  if (slash === -1 || !/^[\w-]+$/.test(bucket) || /^[a-z]+:\/\/?$/.test(text.slice(0, slash + 1))) {
    throw new UsageError(
      `"${text}" names no bucket: it is a store's URL, a slash and the bucket, as in sqlite:./app.db/flags`,
    );
  }
  return { store: text.slice(0, slash) + text.slice(query), bucket };
}

/** A file of SQLite is created by what writes new buckets only: a mistyped path is no empty store. */
export function checkThatItExists(store: string): void {
  if (!store.startsWith("sqlite:")) return;
  const file = sqliteFile(store);
  if (file !== "" && !existsSync(file)) {
    throw notFound(`there is no database at ${file}; --store or REVKV_STORE say where buckets are`);
  }
}
