import type { Socket } from "node:net";
import type { RedisNode } from "./redis-client.ts";

/** How often it is looked within the time after which a server counts as frozen. */
const looks = 8;

/**
 * Ends each connection of a client on which the server answers nothing for this many milliseconds though commands wait:
 * one that is frozen keeps its connections open. By looks now and then, since `socketTimeout` of `ioredis` costs a timer
 * and a listener for each command, a tenth of what the command takes.
 */
export function endWhenFrozen(client: RedisNode, timeout: number): void {
  const inside = client as unknown as { readonly stream: Socket; readonly commandQueue: { readonly length: number } };
  client.on("connect", () => {
    const { stream } = inside;
    let seen = 0;
    let quiet = 0;
    const timer = setInterval(() => {
      const isQuiet = inside.commandQueue.length > 0 && stream.bytesRead === seen;
      seen = stream.bytesRead;
      quiet = isQuiet ? quiet + 1 : 0;
      // The first look may have come at once after a command.
      if (quiet > looks) stream.destroy(new Error(`the server did not answer for ${timeout} ms`));
    }, timeout / looks).unref();
    stream.once("close", () => clearInterval(timer));
  });
}
