import type { Capabilities } from "@revkv/api";
import { KeyValueError } from "@revkv/api";
import { headerBytes } from "./stream-config.ts";

/** What a server says of itself when it is connected to. */
export interface ServerInfo {
  readonly version: string;
  readonly max_payload: number;
  /** The name of the cluster that it is in. */
  readonly cluster?: string;
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

/** What older servers do wrong, and the adapter makes up for. */
export interface ServerFaults {
  /** A cursor may give an older row of a key in place of one that is gone, and leave out others (before 2.10). */
  readonly oddCursors: boolean;
  /** The name of a stream is given away before its files are removed (before 2.10, but in a cluster). */
  readonly lateFiles: boolean;
  /**
   * In a stream with replicas the revision that a write expects is compared with what is stored, not with what is on its
   * way to the replicas: of several that expect the same all are stored. The last revision of the whole stream is compared
   * when a message is stored (nats-server issue 4320, mended in 2.9.21).
   */
  readonly earlyChecks: boolean;
}

export function faultsOf(server: ServerInfo): ServerFaults {
  const isOld = !isAtLeast(server, [2, 10]);
  return {
    oddCursors: isOld,
    lateFiles: isOld && server.cluster === undefined,
    earlyChecks: !isAtLeast(server, [2, 9, 21]),
  };
}

function isAtLeast({ version }: ServerInfo, wanted: readonly number[]): boolean {
  const ours = version.split(/[.-]/).map(Number);
  const index = wanted.findIndex((number, place) => number !== ours[place]);
  return index < 0 || (ours[index] ?? 0) > (wanted[index] ?? 0);
}
