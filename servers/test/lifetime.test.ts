import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { chmod, mkdtemp, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../src/until.ts";

const servers = ["postgres", "paused postgres", "killed postgres", "pgbouncer", "redis", "nats"];
const onLinux = test.runIf(process.platform === "linux");

/** A folder for the directories of a child's servers. Removing it fails if one of them is left. */
async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "revkv-servers-"));
  await chmod(path, 0o755);
  onTestFinished(() => rmdir(path));
  return path;
}

function start(what: string, then: "wait" | "end", directory: string): ChildProcess {
  const script = fileURLToPath(new URL("./children/own-servers.ts", import.meta.url));
  const child = spawn(process.execPath, [script, what, then], {
    // The leader of a group of its own, as a shell makes it for Ctrl-C.
    detached: true,
    env: { ...process.env, TMPDIR: directory },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** Processes that work in a directory, be it removed or not. */
function processesIn(directory: string): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/cwd`).startsWith(`${directory}/`);
    } catch {
      return false;
    }
  });
}

async function nothingLeft(directory: string): Promise<void> {
  await until("no process and no directory", () => {
    return processesIn(directory).length === 0 && readdirSync(directory).length === 0;
  });
}

onLinux.each(servers)("a killed process leaves no %s behind", async (what) => {
  const directory = await folder();
  const child = start(what, "wait", directory);
  await once(child.stdout as NodeJS.ReadableStream, "data");
  if (what !== "killed postgres") expect(processesIn(directory)).not.toEqual([]);
  expect(readdirSync(directory)).toHaveLength(1);
  child.kill("SIGKILL");
  await nothingLeft(directory);
});

onLinux.each(servers)("a process that has nothing else to do ends, and leaves no %s behind", async (what) => {
  const directory = await folder();
  const child = start(what, "end", directory);
  expect(await once(child, "exit")).toEqual([0, null]);
  await nothingLeft(directory);
});

onLinux("Ctrl-C leaves nothing behind", async () => {
  const directory = await folder();
  const child = start("postgres", "wait", directory);
  await once(child.stdout as NodeJS.ReadableStream, "data");
  process.kill(-(child.pid as number), "SIGINT");
  await nothingLeft(directory);
});

onLinux("a process that is killed while its server starts leaves nothing behind", async () => {
  const directory = await folder();
  const child = start("postgres", "wait", directory);
  await until("initdb at work", () => processesIn(directory).length > 1);
  child.kill("SIGKILL");
  await nothingLeft(directory);
});
