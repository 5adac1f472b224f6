import type { ChildProcessByStdio } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { ReservedPort } from "./port.ts";
import { needTool } from "./tool.ts";
import { startWatchdog } from "./watchdog.ts";

/** What can be done to every server that a test starts. */
export interface TestServer extends AsyncDisposable {
  /** Its port of 127.0.0.1, the same after a restart. */
  readonly port: number;
  /** Where its data is. Removed when the server is disposed of, at the latest when this process ends. */
  readonly directory: string;
  /** Ends it in good order. Its data stays, for {@link TestServer.restart}. */
  stop(): Promise<void>;
  /** Starts it on the same port with the same data: after {@link TestServer.stop} if it runs. */
  restart(): Promise<void>;
  /** Crashes it: SIGKILL to the server and its children. Its data stays as the crash left it. */
  kill(): Promise<void>;
  /** Keeps it from doing anything, with its connections open: SIGSTOP to the server and its children. */
  pause(): Promise<void>;
  /** Ends a pause. */
  resume(): Promise<void>;
  /** What it has logged since its first start. */
  log(): string;
}

export interface ServerOptions {
  /** Names the directory. */
  readonly name: string;
  /** The first is the server's, all are its own until it is disposed of. */
  readonly ports: readonly [ReservedPort, ...ReservedPort[]];
  /** As whom it runs, for servers that refuse to run as root. */
  readonly user?: User | undefined;
  /** What it logs when it takes connections. */
  readonly ready: RegExp;
  /** What makes it end in good order at once. */
  readonly stopSignal: NodeJS.Signals;
  /** What to run in the directory. Called once: a place to write configuration. */
  readonly command: (directory: string) => readonly string[] | Promise<readonly string[]>;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Milliseconds. Servers start in less than three seconds, on a machine that has nothing else to do. */
const startDeadline = 60_000;

/** Waits for the word to begin, so that no server runs that the watchdog does not know. */
const gate = ["sh", "-c", 'read -r begin && exec "$@" </dev/null', "sh"];

/** Starts a server and resolves when it takes connections. It never outlives this process. */
export async function startServer(options: ServerOptions): Promise<TestServer> {
  needTool("pgrep", "procps");
  const directory = await mkdtemp(join(tmpdir(), `revkv-${options.name}-`));
  const watchdog = startWatchdog(directory);

  let command: readonly string[] = [];
  let log = "";
  let child: Child | null = null;
  let ended: Promise<unknown> = Promise.resolve();
  let isPaused = false;

  const start = async (): Promise<void> => {
    const [program = "", ...args] = [...gate, ...command];
    const started: Child = spawn(program, args, {
      cwd: directory,
      // A session of its own: Ctrl-C is for us.
      detached: true,
      stdio: "pipe",
      env: { ...process.env, LC_ALL: "C.UTF-8", TZ: "UTC" },
      ...options.user,
    });
    // "close" comes when its children are gone too: they hold the same outputs.
    ended = once(started, "close").then(() => {
      child = null;
      watchdog.tell(null);
    });
    if (started.pid === undefined) return void (await ended);
    child = started;
    isPaused = false;
    watchdog.tell(started.pid);
    started.stdin.on("error", () => {
      // It has ended: its log tells why.
    });
    started.stdin.end("begin\n");

    const from = log.length;
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    let isReady = false;
    for (const output of [started.stdout, started.stderr]) {
      output.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        isReady ||= options.ready.test(log.slice(from));
        if (isReady) resolve();
      });
    }
    const fail = (what: string): void => reject(new Error(`${options.name} ${what}:\n${log.slice(from)}`));
    const timer = setTimeout(fail, startDeadline, "takes no connections");
    ended.then(() => fail("has ended"), reject);
    try {
      await ready;
    } finally {
      clearTimeout(timer);
    }
    // A server that nobody stops must not keep this process running.
    for (const handle of [started, started.stdout, started.stderr]) (handle as Partial<NodeJS.RefCounted>).unref?.();
  };

  const signal = async (name: NodeJS.Signals): Promise<void> => {
    if (child?.pid === undefined) return;
    for (const pid of await childrenOf(child.pid)) send(pid, name);
    child?.kill(name);
  };
  const pause = async (): Promise<void> => {
    isPaused = true;
    // The parent first: from then on it starts no children.
    child?.kill("SIGSTOP");
    await signal("SIGSTOP");
  };
  const resume = async (): Promise<void> => {
    isPaused = false;
    await signal("SIGCONT");
  };
  const kill = async (): Promise<void> => {
    await pause();
    await signal("SIGKILL");
    await keepRunning(ended);
  };
  const stop = async (): Promise<void> => {
    if (isPaused) await resume();
    child?.kill(options.stopSignal);
    await keepRunning(ended);
  };
  const end = async (): Promise<void> => {
    await keepRunning(watchdog.end());
    await keepRunning(ended);
    for (const port of options.ports) port.release();
  };
  let disposal: Promise<void> | null = null;
  const dispose = (): Promise<void> => {
    disposal ??= end();
    return disposal;
  };

  try {
    await chmod(directory, 0o700);
    command = await options.command(directory);
    if (options.user !== undefined) await chown(directory, options.user.uid, options.user.gid);
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    port: options.ports[0].port,
    directory,
    stop,
    restart: async () => {
      await stop();
      await start();
    },
    kill,
    pause,
    resume,
    log: () => log,
    [Symbol.asyncDispose]: dispose,
  };
}

function childrenOf(parent: number): Promise<number[]> {
  return new Promise((resolve) => {
    // Without children it fails, and prints nothing.
    execFile("pgrep", ["-P", `${parent}`], (_error, output) => {
      resolve(output.split("\n").filter(Boolean).map(Number));
    });
  });
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended in the meantime.
  }
}

/** Waits for what does not itself keep this process running. */
async function keepRunning(promise: Promise<unknown>): Promise<void> {
  const timer = setInterval(() => {}, 60_000);
  try {
    await promise;
  } finally {
    clearInterval(timer);
  }
}
