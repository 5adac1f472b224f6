import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { KeyValueError } from "@revkv/api";
import { within } from "../expect.ts";
import type { ChildOpening } from "../harness.ts";
import type { Commands, Message, Report, Request } from "./protocol.ts";

/** Another process with a manager of its own on the same storage. */
export interface Other {
  /** Has a command carried out there; fails when it takes longer than `patience` milliseconds. */
  readonly ask: <Name extends keyof Commands>(
    name: Name,
    ...args: Parameters<Commands[Name]>
  ) => ReturnType<Commands[Name]>;
  /** What it reported of its own accord, joined. */
  readonly acknowledged: readonly number[];
  /** Ends it at once, wherever it is. */
  kill(): Promise<void>;
  /** Waits until it ends by itself, and gives its exit code. */
  exited(): Promise<number | null>;
}

/** How long another process may take for a command, in milliseconds. */
const patience = 45_000;

const isSource = import.meta.url.endsWith(".ts");

/** Starts a process and opens the storage there. */
export async function startProcess(opening: ChildOpening): Promise<Other> {
  const child = fork(new URL(isSource ? "./child.ts" : "./child.mjs", import.meta.url), {
    execArgv: argumentsOfNode(process.execArgv),
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const other = converse(child);
  try {
    await other.ask("open", opening);
    return other;
  } catch (error) {
    await other.kill();
    throw error;
  }
}

/** Arguments of Node that are about one process alone: an inspector's port, and code to evaluate, check or print. */
const ofOneProcess =
  /^(--inspect(-.+)?|--debug-port|--(no-)?eval|--print|--check|--interactive|--test(-.+)?|--watch(-.+)?|-[epcip]+)$/;

/** Those of them whose value is the next argument, unless it is given with `=`. */
const withValue = /^(--inspect-port|--debug-port|--inspect-publish-uid|--eval|--print|-e|-p|-pe)$/;

/**
 * What a Node process with these arguments passes on to others of its kind: how modules are found, loaded and run, not
 * an inspector's port nor code to evaluate.
 */
export function argumentsOfNode(own: readonly string[]): string[] {
  const passed: string[] = [];
  for (let index = 0; index < own.length; index += 1) {
    const argument = own[index] ?? "";
    const [name = ""] = argument.split("=");
    if (!ofOneProcess.test(name)) passed.push(argument);
    else if (withValue.test(argument)) index += 1;
  }
  const conditions = passed.join(" ").includes("@revkv/source");
  return isSource && !conditions ? [...passed, "--conditions=@revkv/source"] : passed;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

function converse(child: ChildProcess): Other {
  const waiting = new Map<number, Waiting>();
  const acknowledged: number[] = [];
  const exit = once(child, "exit") as Promise<[number | null]>;
  let asked = 0;
  let complaints = "";
  // What goes wrong with the process or its channel also shows in what is asked of it.
  child.on("error", (error) => {
    complaints += `${error.message}\n`;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaints = `${complaints}${text}`.slice(-4000);
  });
  child.on("message", (message: Message) => {
    if (isReport(message)) {
      acknowledged.push(...message.acknowledged);
      return;
    }
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if ("result" in message) call?.resolve(message.result);
    else
      call?.reject(
        message.code === undefined ? new Error(message.error) : new KeyValueError(message.code, message.error),
      );
  });
  // Not `exit`, which may come before the last answers: `close` comes when the channel is read to its end.
  child.on("close", (code, signal) => {
    const error = new Error(`the process ended (${signal ?? code}) before it answered\n${complaints}`);
    for (const call of waiting.values()) call.reject(error);
    waiting.clear();
  });
  const ask = (command: keyof Commands, ...args: readonly unknown[]): Promise<unknown> => {
    asked += 1;
    const request: Request = { id: asked, command, args };
    const answer = new Promise<unknown>((resolve, reject) => {
      assert.ok(child.connected, `a process that is there can be asked\n${complaints}`);
      waiting.set(request.id, { resolve, reject });
      child.send(request, (error) => {
        if (error !== null && waiting.delete(request.id)) reject(new Error(`${error.message}\n${complaints}`));
      });
    });
    return within(`another process to ${command}`, answer, patience);
  };
  return {
    ask: ask as Other["ask"],
    acknowledged,
    async kill() {
      child.kill("SIGKILL");
      await within("a killed process to end", exit);
    },
    async exited() {
      const [code] = await within("a process with nothing else to do to exit", exit);
      return code;
    },
  };
}

function isReport(message: Message): message is Report {
  return "acknowledged" in message;
}

/** Runs something with a number of other processes on a storage, which are ended afterwards. */
export async function withProcesses<T>(
  opening: ChildOpening | undefined,
  count: number,
  run: (others: readonly Other[]) => Promise<T>,
): Promise<T> {
  assert.ok(opening !== undefined, "the harness says how another process opens the storage");
  const starts = await Promise.allSettled(Array.from({ length: count }, () => startProcess(opening)));
  const others = starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
  try {
    for (const start of starts) if (start.status === "rejected") throw start.reason;
    return await run(others);
  } finally {
    await Promise.all(others.map((other) => other.kill()));
  }
}
