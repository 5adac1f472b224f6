import { randomUUID } from "node:crypto";
import type { KeyValue, KeyValueManager } from "@revkv/api";
import { checkBucketName, isKeyValueError } from "@revkv/api";
import type { Session } from "./session.ts";
import { parseBucketUrl } from "./store-url.ts";
import { UsageError } from "./usage-error.ts";

/** A bucket that entries come from, and where they go to. */
export interface BucketPair {
  readonly source: KeyValue;
  readonly manager: KeyValueManager;
  readonly name: string;
}

export async function openPair(session: Session, sourceUrl: string, targetUrl: string): Promise<BucketPair> {
  const [one, other] = [sourceUrl, targetUrl].map((text) => {
    const { store = session.store, bucket } = parseBucketUrl(text);
    checkBucketName(bucket);
    return { store, bucket };
  }) as [Place, Place];
  const areSame = "source and target are the same bucket";
  if (one.store === other.store && one.bucket === other.bucket) throw new UsageError(areSame);
  const from = await session.open(one.store);
  const source = await from.keyValue(one.bucket, { signal: session.signal });
  const manager = await session.open(other.store, "create");
  // A store has many URLs, and a target may be deleted to begin anew.
  if (one.bucket === other.bucket && (await isThere(source, from, manager, session.signal)))
    throw new UsageError(areSame);
  return { source, manager, name: other.bucket };
}

/** Tells whether a bucket is the one that a store has by that name. */
async function isThere(
  bucket: KeyValue,
  from: KeyValueManager,
  manager: KeyValueManager,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const namesake = await manager.keyValue(bucket.bucket, { signal });
    const [one, other] = await Promise.all([bucket.status({ signal }), namesake.status({ signal })]);
    // A copy of the files of a store has the same incarnations.
    return one.incarnation === other.incarnation && (await areOneStore(from, manager, signal));
  } catch (error) {
    if (!isKeyValueError(error, "BUCKET_NOT_FOUND")) throw error;
    return false;
  }
}

/** Tells whether two managers are of one store: a bucket that one of them makes is there for the other. */
async function areOneStore(one: KeyValueManager, other: KeyValueManager, signal: AbortSignal): Promise<boolean> {
  const bucket = `revkv-probe-${randomUUID()}`;
  await other.createKeyValue({ bucket }, { signal });
  try {
    await one.keyValue(bucket, { signal });
    return true;
  } catch (error) {
    if (!isKeyValueError(error, "BUCKET_NOT_FOUND")) throw error;
    return false;
  } finally {
    await other.deleteKeyValue(bucket);
  }
}

interface Place {
  readonly store: string;
  readonly bucket: string;
}
