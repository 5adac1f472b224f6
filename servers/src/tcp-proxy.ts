import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";
import { reservePort } from "./port.ts";

/** Which way bytes go. */
export type Direction = (typeof bothDirections)[number];

const bothDirections = ["to-server", "to-client"] as const;

export interface ProxyTarget {
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  readonly port: number;
}

/** A network between a client and a server, for tests that break it. */
export interface TcpProxy extends AsyncDisposable {
  /** Its port of 127.0.0.1. */
  readonly port: number;
  /** How many clients are connected. */
  readonly connections: number;
  /** How many bytes from clients are held. */
  readonly waiting: number;
  /** Resets all connections, at both ends. New ones are served. */
  cut(): void;
  /**
   * Becomes a black hole: takes connections and bytes, and forwards nothing, not even the end of a connection. In both
   * directions if none is named.
   */
  hold(...directions: readonly Direction[]): void;
  /** Forwards everything again, beginning with what was held. */
  release(): void;
  /** Refuses new connections. Those that are there stay. */
  refuse(): void;
  /** Takes new connections again, on the same port. */
  accept(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly upstream: Socket;
}

/** Starts a proxy in this process, on a free port of 127.0.0.1. */
export async function startProxy(target: ProxyTarget): Promise<TcpProxy> {
  const reserved = await reservePort();
  const held = new Set<Direction>();
  const links = new Set<Link>();

  const forward = (direction: Direction, from: Socket, to: Socket): void => {
    from.unpipe(to);
    if (held.has(direction)) return;
    if (from.errored !== null) reset(to);
    else from.pipe(to);
  };
  const forwardBoth = ({ client, upstream }: Link): void => {
    forward("to-server", client, upstream);
    forward("to-client", upstream, client);
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const { host = "127.0.0.1", port } = target;
    const upstream = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const link = { client, upstream };
    links.add(link);
    const onClose = (direction: Direction, from: Socket, to: Socket): void => {
      if (from.errored !== null && !held.has(direction)) reset(to);
      if (client.closed && upstream.closed) links.delete(link);
    };
    client.on("error", ignore).on("close", () => onClose("to-server", client, upstream));
    upstream.on("error", ignore).on("close", () => onClose("to-client", upstream, client));
    forwardBoth(link);
  });
  const listen = async (): Promise<void> => {
    if (server.listening) return;
    server.listen(reserved.port, "127.0.0.1");
    await once(server, "listening");
  };
  const refuse = (): void => {
    // It stops listening at once, and waits with its event for the connections that are there.
    if (server.listening) server.close();
  };
  const cut = (): void => {
    for (const { client, upstream } of links) {
      reset(client);
      reset(upstream);
    }
  };
  await listen();
  return {
    port: reserved.port,
    get connections() {
      return links.size;
    },
    get waiting() {
      return [...links].reduce((sum, { client }) => sum + client.readableLength, 0);
    },
    cut,
    hold: (...directions) => {
      for (const direction of directions.length > 0 ? directions : bothDirections) held.add(direction);
      links.forEach(forwardBoth);
    },
    release: () => {
      held.clear();
      links.forEach(forwardBoth);
    },
    refuse,
    accept: listen,
    [Symbol.asyncDispose]: async () => {
      refuse();
      cut();
      reserved.release();
    },
  };
}

function reset(socket: Socket): void {
  if (!socket.destroyed) socket.resetAndDestroy();
}

function ignore(): void {
  // "close" follows.
}
