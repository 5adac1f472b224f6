import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { needTool } from "@revkv/servers/tool";
import { expect, test } from "vitest";
import { command, inNamespace, run } from "./children/spawn.ts";
import { open, temporaryFile } from "./open.ts";

const drivers = ["better-sqlite3", "node:sqlite"] as const;
const onLinux = test.runIf(process.platform === "linux");

/** How writers of the test set up their storage: a file of ours, or a Database of the application. */
interface Writer {
  readonly driver: (typeof drivers)[number];
  readonly synchronous: "full" | "normal" | "off";
  readonly shared: boolean;
  /** How many writes are made at the same time. */
  readonly width: number;
}

const writes = 100;

/** Of {@link writes} writes, how many were acknowledged while something that the process wrote was not synced yet. */
async function unsynced(writer: Writer): Promise<number> {
  const file = await temporaryFile();
  const manager = await open({ file, driver: writer.driver });
  await manager.createKeyValue({ bucket: "b" });
  const trace = `${file}.trace`;
  const child = command("./put-many.ts", { ...writer, file, prefix: "w", count: writes });
  await run(["strace", "-f", "-o", trace, "-e", "trace=fdatasync,fsync,write,pwrite64", ...child]);
  let acknowledged = 0;
  let unsynced = 0;
  let isDirty = false;
  for (const line of (await readFile(trace, "utf8")).split("\n")) {
    if (/\bpwrite64\(/.test(line)) isDirty = true;
    // A call that another thread's came between is told in two lines: begun, and "<... fdatasync resumed>) = 0".
    if (/\bf(?:data)?sync(?:\(| resumed>).*= 0/.test(line)) isDirty = false;
    if (!line.includes('"ack ')) continue;
    acknowledged += 1;
    if (isDirty) unsynced += 1;
  }
  expect(acknowledged).toBe(writes);
  return unsynced;
}

onLinux.each<Writer>([
  { driver: "better-sqlite3", synchronous: "full", shared: false, width: 1 },
  { driver: "better-sqlite3", synchronous: "full", shared: false, width: 20 },
  { driver: "node:sqlite", synchronous: "full", shared: false, width: 1 },
  { driver: "node:sqlite", synchronous: "full", shared: false, width: 20 },
  { driver: "better-sqlite3", synchronous: "full", shared: true, width: 1 },
])(
  "$driver, $synchronous, shared: $shared, $width at a time: what was written is synced before it resolves",
  { timeout: 120_000 },
  async (writer) => {
    needTool("strace");
    expect(await unsynced(writer)).toBe(0);
  },
);

onLinux.each<Writer>([
  { driver: "better-sqlite3", synchronous: "normal", shared: false, width: 1 },
  { driver: "node:sqlite", synchronous: "normal", shared: false, width: 1 },
  { driver: "better-sqlite3", synchronous: "off", shared: true, width: 1 },
])("$driver, $synchronous, shared: $shared: it is not, and that is noticed", { timeout: 120_000 }, async (writer) => {
  needTool("strace");
  expect(await unsynced(writer)).toBeGreaterThan(0.9 * writes);
});

// In 4 MiB the write-ahead log fills the disk; in 16 it is written over again, and the database itself grows as well.
const disks = drivers.flatMap((driver) => [4, 16].map((size) => ({ driver, size })));

onLinux.each(disks)(
  "$driver: on a full disk of $size MiB a write is STORAGE_FULL, nothing is lost, and it goes on with room",
  async ({ driver, size }) => {
    const directory = join(dirname(await temporaryFile()), "disk");
    await mkdir(directory);
    const mount = `mount -t tmpfs -o size=${size}m tmpfs "$0" && exec "$@"`;
    const fill = command("./fill-disk.ts", { directory, driver });
    const output = await run([...inNamespace, "sh", "-c", mount, directory, ...fill]);
    const result = JSON.parse(output) as Readonly<Record<string, unknown>>;
    const acknowledged = result["acknowledged"] as number;
    expect(acknowledged).toBeGreaterThan(10);
    expect(result).toMatchObject({
      refused: "STORAGE_FULL",
      intact: acknowledged,
      intactAfterwards: acknowledged,
    });
    // Less may fit where more did not.
    expect(["STORAGE_FULL", acknowledged + 1]).toContain(result["again"]);
    expect(result["revision"]).toBe(acknowledged + (result["again"] === "STORAGE_FULL" ? 1 : 2));
  },
);
