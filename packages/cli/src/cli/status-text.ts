import type { KeyValueStatus } from "@revkv/api";
import { formatDuration } from "./duration.ts";
import { formatSize } from "./size.ts";
import { coloured } from "./style.ts";
import { shownText } from "./value-text.ts";

/** A bucket's status as the command writes it with `--json`: documented, and stable. Durations in ms, sizes in bytes. */
export function statusRecord(status: KeyValueStatus): Readonly<Record<string, unknown>> {
  const { bucket, values, bytes, lastRevision, compactedTo, incarnation, backingStore, approximate, config } = status;
  const { bucket: _, ...settings } = config;
  return { bucket, values, bytes, lastRevision, compactedTo, incarnation, backingStore, approximate, config: settings };
}

/** A bucket's status for a person. */
export function statusText(status: KeyValueStatus): string {
  const { config } = status;
  const unlimited = "unlimited";
  const duration = (value: number | undefined, otherwise: string): string =>
    value === undefined ? otherwise : formatDuration(value);
  const size = (value: number | undefined): string => (value === undefined ? unlimited : formatSize(value));
  const rows: (readonly [string, string | number])[] = [
    ["Bucket Name", status.bucket],
    ...(config.description === undefined ? [] : [["Description", shownText(config.description)] as const]),
    ["History Kept", config.history],
    ["Values Stored", status.values],
    ["Bucket Size", formatSize(status.bytes)],
    ["Last Revision", status.lastRevision],
    ["Compacted To", status.compactedTo],
    ["Maximum Bucket Size", size(config.maxBytes)],
    ["Maximum Value Size", size(config.maxValueSize)],
    ["Maximum Age", duration(config.ttl, unlimited)],
    ["Marker TTL", duration(config.limitMarkerTtl, "no markers")],
    ["Compressed", config.compression ? "yes" : "no"],
    ["Backing Store Kind", status.backingStore],
    ...Object.entries(config.metadata).map(
      ([name, value]) => [`Metadata ${shownText(name)}`, shownText(value)] as const,
    ),
  ];
  const width = Math.max(...rows.map(([title]) => title.length));
  const lines = rows.map(([title, value]) => `${title.padStart(width + 2)}: ${value}`);
  return [coloured("bold", `Information for Key-Value Store Bucket ${status.bucket}`), "", ...lines].join("\n");
}
