import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { RedisConnectOptions } from "../src/index.ts";
import { sharedCluster, sharedServer } from "./harness.ts";

const script = fileURLToPath(new URL("./children/leave-watching.ts", import.meta.url));

for (const [name, reach] of Object.entries({ server: sharedServer, Cluster: sharedCluster })) {
  test(`W9: a process with nothing else to do exits, though it has left its ${name} connected`, {
    timeout: 30_000,
  }, async () => {
    const options: RedisConnectOptions = await reach();
    const command = ["--conditions=@revkv/source", script, JSON.stringify(options)];
    const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: 20_000 });
    expect(stdout).toBe("left");
  });
}
