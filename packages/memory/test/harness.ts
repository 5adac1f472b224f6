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

/** Memory with a clock that moves only when the suite moves it. */
export const injectedClock: Harness = {
  name: "memory, injected clock",
  capabilities,
  setup: async () => {
    const name = randomUUID();
    let time = Date.now();
    const now = (): number => time;
    const keeper = await connect({ name, now });
    return {
      open: (options) => connect({ ...options, name, now }),
      advance: async (milliseconds) => {
        time += milliseconds;
      },
      dispose: () => keeper.close(),
    };
  },
};
