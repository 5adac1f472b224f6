import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory for the files of this process, gone with it. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "revkv-bench-"));
  process.once("exit", () => rmSync(path, { recursive: true, force: true }));
  // Without a listener a signal ends a process before it could clean up.
  process.once("SIGTERM", () => process.exit());
  return path;
}
