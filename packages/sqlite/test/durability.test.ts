import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { needTool } from "@revkv/servers/tool";
import { expect, test } from "vitest";
import { command, run } from "./children/spawn.ts";
import { open, temporaryFile } from "./open.ts";

const drivers = ["better-sqlite3", "node:sqlite"] as const;
const onLinux = test.runIf(process.platform === "linux");

/** Of so many writes, one after the other, how many were acknowledged with a sync since the one before. */
async function synced(
  driver: (typeof drivers)[number],
  synchronous: "full" | "normal",
  count: number,
): Promise<number> {
  const file = await temporaryFile();
  const manager = await open({ file, driver });
  await manager.createKeyValue({ bucket: "b" });
  const trace = `${file}.trace`;
  const writer = command("./put-many.ts", { file, driver, synchronous, prefix: "w", count, width: 1 });
  await run(["strace", "-f", "-o", trace, "-e", "trace=fdatasync,fsync,write", ...writer]);
  let synced = 0;
  let acknowledged = 0;
  let isSynced = false;
  for (const line of (await readFile(trace, "utf8")).split("\n")) {
    // A call that another thread's came between is told in two lines: begun, and "<... fdatasync resumed>) = 0".
    if (/\bf(?:data)?sync(?:\(| resumed>).*= 0/.test(line)) isSynced = true;
    if (!line.includes('"ack ')) continue;
    acknowledged += 1;
    if (isSynced) synced += 1;
    isSynced = false;
  }
  expect(acknowledged).toBe(count);
  return synced;
}

onLinux.each(drivers)(
  "%s: with full, every write is synced before it resolves; with normal it is not",
  {
    timeout: 120_000,
  },
  async (driver) => {
    needTool("strace");
    expect(await synced(driver, "full", 100)).toBe(100);
    expect(await synced(driver, "normal", 100)).toBeLessThan(10);
  },
);

onLinux.each(drivers)(
  "%s: on a full disk a write is STORAGE_FULL, nothing is lost, and it goes on with room",
  {
    timeout: 60_000,
  },
  async (driver) => {
    const directory = join(dirname(await temporaryFile()), "disk");
    await mkdir(directory);
    // A disk of its own, in a namespace of mounts that ends with the process.
    const namespace = process.getuid?.() === 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"];
    const mount = 'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"';
    const fill = command("./fill-disk.ts", { directory, driver });
    const output = await run(["unshare", ...namespace, "sh", "-c", mount, directory, ...fill]);
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
