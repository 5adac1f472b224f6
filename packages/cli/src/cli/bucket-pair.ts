import type { KeyValue, KeyValueManager } from "@revkv/api";
import { checkBucketName } from "@revkv/api";
import type { Session } from "./session.ts";
import { parseBucketUrl } from "./store-url.ts";
import { UsageError } from "./usage-error.ts";

/** A bucket that entries come from, and where they go to. */
export interface BucketPair {
  readonly source: KeyValue;
  readonly manager: KeyValueManager;
  readonly name: string;
}

export async function openPair(session: Session, from: string, to: string): Promise<BucketPair> {
  const [one, other] = [from, to].map((text) => {
    const { store = session.store, bucket } = parseBucketUrl(text);
    checkBucketName(bucket);
    return { store, bucket };
  }) as [Place, Place];
  if (one.store === other.store && one.bucket === other.bucket)
    throw new UsageError("source and target are the same bucket");
  const source = await (await session.open(one.store)).keyValue(one.bucket, { signal: session.signal });
  const manager = await session.open(other.store, "create");
  return { source, manager, name: other.bucket };
}

interface Place {
  readonly store: string;
  readonly bucket: string;
}
