import type { TestServer } from "./server-process.ts";

/** Servers that belong together. */
export interface ServerGroup<S extends TestServer> extends AsyncDisposable {
  readonly nodes: readonly S[];
}

/** Starts servers at the same time and lets them find each other. None stays if that fails. */
export async function startGroup<S extends TestServer>(
  starting: readonly Promise<S>[],
  join: (nodes: readonly S[]) => Promise<void>,
): Promise<ServerGroup<S>> {
  const results = await Promise.allSettled(starting);
  const nodes = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const dispose = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
  };
  try {
    await Promise.all(starting);
    await join(nodes);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { nodes, [Symbol.asyncDispose]: dispose };
}
