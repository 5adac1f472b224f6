import { execFileSync } from "node:child_process";
import type { User } from "./server-process.ts";

/** Whom a server that refuses to be root runs as: an account of its own if there is one. Undefined if we are not root. */
export function unprivileged(account: string): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (option: string, name: string): number =>
    Number(execFileSync("id", [option, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  for (const name of [account, "nobody"]) {
    try {
      return { uid: id("-u", name), gid: id("-g", name) };
    } catch {
      // There is no such account.
    }
  }
  throw new Error(`there is neither a user ${account} nor a user nobody`);
}
