import { randomUUID } from "node:crypto";
import type { Harness } from "@revkv/conformance";
import { connect } from "../src/index.ts";

const { capabilities } = await connect();

/** Memory as it is used: on the machine's clock, with managers that share a storage by its name. */
export const realClock: Harness = {
  name: "memory",
  capabilities,
  setup: async () => {
    const name = randomUUID();
    // A named storage lives as long as a manager on it is open.
    const keeper = await connect(`memory:${name}`);
    return {
      open: (options) => connect({ ...options, name }),
      dispose: () => keeper.close(),
    };
  },
};

/** Memory with a clock that runs ahead of the machine's by as much as the suite asks for. */
export const injectedClock: Harness = {
  name: "memory, injected clock",
  capabilities,
  setup: async () => {
    const name = randomUUID();
    let ahead = 0;
    const now = (): number => Date.now() + ahead;
    const keeper = await connect({ name, now });
    return {
      open: (options) => connect({ ...options, name, now }),
      advance: async (milliseconds) => {
        ahead += milliseconds;
      },
      dispose: () => keeper.close(),
    };
  },
};
