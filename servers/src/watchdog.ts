import { spawn } from "node:child_process";
import { once } from "node:events";

/** A process that ends a server and removes its directory when we end, in whatever way that happens. */
export interface Watchdog {
  /** Which process to end; null when there is none. */
  tell(pid: number | null): void;
  /** Lets it do its work now. */
  end(): Promise<unknown>;
}

/**
 * Its input closes when our process ends, or when we say so. The server is stopped first, so that it starts no more
 * children. One that is being killed may still finish creating a file: then removing is tried again.
 */
const script = `
while read -r pid; do server=$pid; done
if [ -n "$server" ]; then
  kill -STOP "$server"
  kill -KILL $(pgrep -P "$server") "$server"
fi
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf "$1" && exit
  sleep 0.1
done
exit 1`;

export function startWatchdog(directory: string): Watchdog {
  // Detached, since a signal to our group must not end it before its work is done.
  const process = spawn("sh", ["-c", script, "sh", directory], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = once(process, "exit");
  process.unref();
  (process.stdin as Partial<NodeJS.RefCounted>).unref?.();
  return {
    tell: (pid) => {
      if (process.stdin.writable) process.stdin.write(`${pid ?? ""}\n`);
    },
    end: () => {
      process.stdin.end();
      return ended;
    },
  };
}
