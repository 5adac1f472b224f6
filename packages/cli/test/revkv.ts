import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

/** Where Node keeps what it has compiled: the command is started hundreds of times. */
const compileCache = fileURLToPath(new URL("../../../.vitest/compile-cache", import.meta.url));

/** The command line of the command, run from source. */
export const commandLine: readonly string[] = [process.execPath, "--conditions=@revkv/source", main];

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Starts the command as a process of its own. */
export function startRevkv(args: readonly string[], options: RunOptions = {}): ChildProcessWithoutNullStreams {
  const [program = "", ...rest] = commandLine;
  const { REVKV_STORE: _, REVKV_DEBUG: __, NO_COLOR: ___, FORCE_COLOR: ____, ...inherited } = process.env;
  const child = spawn(program, [...rest, ...args], {
    cwd: options.cwd,
    env: { ...inherited, NODE_NO_WARNINGS: "1", NODE_COMPILE_CACHE: compileCache, ...options.env },
    stdio: "pipe",
  });
  // A command that does not read its input has ended before it was written.
  child.stdin.on("error", () => {});
  child.stdin.end(options.stdin ?? "");
  return child;
}

/** Waits for a process of the command to end. */
export async function endOf(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { code, signal, stdout, stderr };
}

/** Runs the command to its end. */
export function revkv(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return endOf(startRevkv(args, options));
}

/** Runs a command that has to succeed, and gives what it printed. */
export async function printed(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await revkv(args, options);
  if (code !== 0) throw new Error(`revkv ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** The lines of JSON that a command prints that has to succeed. */
export async function json(args: readonly string[], options: RunOptions = {}): Promise<Record<string, unknown>[]> {
  return jsonLines(await printed([...args, "--json"], options));
}

export function jsonLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
