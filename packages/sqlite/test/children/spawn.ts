import type { ChildProcess, SpawnOptions } from "node:child_process";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The command that runs one of the modules beside this one in a process of its own. */
export function command(module: string, options: unknown): readonly [string, ...string[]] {
  const script = fileURLToPath(new URL(module, import.meta.url));
  return [process.execPath, "--conditions=@revkv/source", script, JSON.stringify(options)];
}

/** What runs a command in a namespace of mounts of its own, which ends with it. */
export const inNamespace: readonly [string, ...string[]] = [
  "unshare",
  ...(process.getuid?.() === 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"]),
];

/** What a process that ended has said. */
interface Ended {
  readonly output: string;
  readonly errors: string;
  readonly code: number | null;
}

/** A process whose output is collected. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts a command. */
export function start([program, ...args]: readonly [string, ...string[]], options: SpawnOptions = {}): Running {
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout?.on("data", (data) => {
    output += data;
  });
  child.stderr?.on("data", (data) => {
    errors += data;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ output, errors, code }));
  });
  return { child, ended };
}

/** Runs a command to its end; rejects unless it ends well. */
export async function run(...parameters: Parameters<typeof start>): Promise<string> {
  const { output, errors, code } = await start(...parameters).ended;
  if (code !== 0) throw new Error(`the process ended with ${code}: ${errors}`);
  return output;
}
