import type { Capabilities } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import { headerBytes } from "./stream-config.ts";

/** What a server says of itself when it is connected to. */
export interface ServerInfo {
  readonly version: string;
  readonly max_payload: number;
}

/** The oldest server that is used: the first that has consumers with names, and pulls that are bounded in bytes. */
const oldest = [2, 9] as const;

/**
 * What can be relied on, by the server's version and settings.
 *
 * @throws `INCOMPATIBLE_STORAGE` for a server that is too old
 */
export function capabilitiesOf(server: ServerInfo): Capabilities {
  if (!isAtLeast(server, oldest)) {
    throw new KeyValueError("INCOMPATIBLE_STORAGE", `NATS ${server.version} is too old: 2.9 is needed`);
  }
  return {
    transactions: false,
    perKeyTtl: false,
    limitMarkers: isAtLeast(server, [2, 11]),
    ttlResolutionMs: 1500,
    multipleFilters: true,
    crossProcessWatch: true,
    readAfterWrite: true,
    snapshotReads: false,
    bucketIncarnation: true,
    lossDetection: "head",
    compression: isAtLeast(server, [2, 10]),
    metadata: isAtLeast(server, [2, 10]),
    maxBytes: false,
    compactionDetection: false,
    maxValueBytes: server.max_payload - headerBytes,
    maxOperations: 1,
    maxFilters: 1000,
  };
}

/**
 * Tells whether this server is one whose cursors may give an older row of a key in place of one that is gone, and which gives
 * away the name of a stream before it has removed its files.
 */
export function isOld(server: ServerInfo): boolean {
  return !isAtLeast(server, [2, 10]);
}

function isAtLeast({ version }: ServerInfo, [major, minor]: readonly [number, number]): boolean {
  const [ours = 0, less = 0] = version.split(/[.-]/).map(Number);
  return ours > major || (ours === major && less >= minor);
}
