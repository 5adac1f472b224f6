import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ManagerOptions } from "@revkv/api";
import { embeddedCapabilities } from "@revkv/api/adapter";
import type { Harness } from "@revkv/conformance";
import Database from "better-sqlite3";
import type { SqliteFileOptions } from "../src/index.ts";
import { connect } from "../src/index.ts";
import { patient } from "./patient.ts";

const capabilities: Harness["capabilities"] = {
  ...embeddedCapabilities,
  crossProcessWatch: true,
  lossDetection: "head",
  maxValueBytes: 2 ** 28,
};

/** A directory of its own, and what removes it. */
export async function temporaryDirectory(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "revkv-sqlite-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

const child = new URL("./open-child.ts", import.meta.url).href;

/** A file, opened by every manager with a connection of its own. */
export function fileHarness(
  driver: NonNullable<SqliteFileOptions["driver"]>,
  synchronous: NonNullable<SqliteFileOptions["synchronous"]>,
): Harness {
  return {
    name: `file, ${driver}, ${synchronous}`,
    capabilities,
    setup: async () => {
      const directory = await temporaryDirectory();
      const options = { file: join(directory.path, "test.db"), driver, synchronous };
      return {
        open: (more?: ManagerOptions) => connect({ timeout: patient, ...options, ...more }),
        child: { module: child, args: [options] },
        dispose: () => directory.remove(),
      };
    },
  };
}

/** A Database of the application, set up by it and shared by all managers of this process; other processes open the file. */
export function sharedDatabase(synchronous: NonNullable<SqliteFileOptions["synchronous"]>): Harness {
  return {
    name: `shared Database, ${synchronous}`,
    capabilities,
    setup: async () => {
      const directory = await temporaryDirectory();
      const file = join(directory.path, "test.db");
      const database = new Database(file, { timeout: 0 });
      database.pragma("journal_mode = WAL");
      database.pragma(`synchronous = ${synchronous}`);
      return {
        open: (options?: ManagerOptions) => connect({ database, timeout: patient, ...options }),
        child: { module: child, args: [{ file, driver: "better-sqlite3", synchronous }] },
        dispose: async () => {
          database.close();
          await directory.remove();
        },
      };
    },
  };
}
