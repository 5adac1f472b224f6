import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";

/** Sends text to a server on 127.0.0.1 and resolves with all that it says, once that matches, within half a minute. */
export async function exchange(port: number, text: string, expected: RegExp): Promise<string> {
  const socket = await connected(port);
  socket.setTimeout(30_000, () => socket.destroy(new Error("no answer")));
  try {
    socket.write(text);
    return await received(socket, expected);
  } finally {
    socket.destroy();
  }
}

export async function connected(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

/** Resolves with what comes from now on, once that matches. */
export function received(socket: Socket, expected: RegExp): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let all = "";
  const read = (data: Buffer): void => {
    all += data.toString();
    if (!expected.test(all)) return;
    socket.off("data", read);
    resolve(all);
  };
  socket.on("data", read);
  socket.once("error", reject);
  socket.once("close", () => reject(new Error(`closed after ${JSON.stringify(all)}`)));
  return promise;
}
