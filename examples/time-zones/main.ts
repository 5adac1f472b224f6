/**
 * `npm run demo`: buckets, watch, compare-and-set, markers, history and resuming, shown on the time zones that this
 * machine knows and on their current offsets from UTC. A writer and a watcher, two processes, share a SQLite file;
 * when both have ended a third process opens it.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directory = await mkdtemp(join(tmpdir(), "revkv-demo-"));
try {
  await run("writer.ts", "watcher.ts");
  await run("restarted.ts");
} finally {
  await rm(directory, { recursive: true });
}

/** Runs programs side by side, each in a process of its own, until all have ended. */
async function run(...programs: readonly string[]): Promise<void> {
  const failed = new AbortController();
  const file = join(directory, "zones.db");
  const endings = programs.map(async (program) => {
    const child = fork(new URL(program, import.meta.url), [file], { signal: failed.signal });
    const [code] = await once(child, "exit");
    if (code === 0) return;
    failed.abort(new Error(`${program} ended with ${code}`));
    throw failed.signal.reason;
  });
  await Promise.all(endings);
}
