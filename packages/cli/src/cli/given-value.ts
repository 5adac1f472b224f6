import { addAbortSignal } from "node:stream";
import type { Session } from "./session.ts";
import { UsageError } from "./usage-error.ts";

/** The value of an argument, or else all of standard input, byte for byte. */
export async function givenValue(session: Session, argument: string | undefined): Promise<string | Uint8Array> {
  if (argument !== undefined) return argument;
  if (process.stdin.isTTY) throw new UsageError("no value: give it as an argument or on standard input");
  const chunks: Uint8Array[] = [];
  for await (const chunk of addAbortSignal(session.signal, process.stdin)) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
