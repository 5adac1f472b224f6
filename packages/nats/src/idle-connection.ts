import type { NatsConnection } from "@nats-io/transport-node";

interface Releasable {
  unref?(): void;
}

/** What is in a connection and keeps a process running; the client's own, so that each part may be missing. */
interface Internals {
  readonly protocol?: {
    readonly transport?: { readonly socket?: Releasable };
    readonly heartbeats?: { readonly timer?: Releasable };
  };
}

/**
 * Keeps a connection that nobody waits for from keeping the process running (rule W9): whoever waits for an answer has a
 * timer that does. The client makes its socket and its timer anew, and tells of it.
 */
export async function releaseProcess(connection: NatsConnection): Promise<void> {
  const release = (): void => {
    const { protocol } = connection as Internals;
    protocol?.transport?.socket?.unref?.();
    protocol?.heartbeats?.timer?.unref?.();
  };
  release();
  for await (const { type } of connection.status()) if (type === "ping" || type === "reconnect") release();
}
