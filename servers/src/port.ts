import type { Socket } from "node:dgram";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/** A port of 127.0.0.1 that no other process with this code gets, also while its server is down. */
export interface ReservedPort {
  readonly port: number;
  release(): void;
}

/**
 * Reserves a free port below those that the system gives to outgoing connections: a client that tries again and again
 * to connect to such a port while its server is down would one day be connected to itself.
 */
export async function reservePort(): Promise<ReservedPort> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const reservation = await reserve(port);
    if (reservation === null) continue;
    if (await isFree(port)) return { port, release: () => reservation.close() };
    reservation.close();
  }
}

/** The servers speak TCP, so that UDP's port of the same number can stand for it. The system frees it in every case. */
async function reserve(port: number): Promise<Socket | null> {
  const socket = createSocket("udp4").unref();
  try {
    socket.bind({ address: "127.0.0.1", port, exclusive: true });
    await once(socket, "listening");
    return socket;
  } catch {
    socket.close();
    return null;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return true;
  } catch {
    return false;
  }
}
