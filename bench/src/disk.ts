import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { time } from "./markdown.ts";
import { median } from "./results.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A page of SQLite's in its log, in bytes. */
const block = 4096 + 24;

/** How long the disk that the databases are on takes until something is on it; a section in Markdown. */
export function diskLatency(): string {
  const file = openSync(join(temporaryDirectory(), "synced"), "w");
  const content = Buffer.alloc(block, "x");
  const times = Array.from({ length: 500 }, (_, index) => {
    writeSync(file, content, 0, block, (index % 100) * block);
    const start = performance.now();
    fdatasyncSync(file);
    return (performance.now() - start) * 1e6;
  }).sort((a, b) => a - b);
  closeSync(file);
  const late = times[Math.floor(times.length * 0.99)] ?? Number.NaN;
  return `### Disk

\`fdatasync\` after a write of ${block} bytes: ${time(median(times))} in the median, ${time(late)} at the 99th percentile, of
${times.length}. The longer it takes, the closer to 1 come the ratios of single puts on FULL.
`;
}
