import { randomUUID } from "node:crypto";
import type { Harness } from "@revkv/conformance";
import { connect } from "@revkv/memory";

const { capabilities } = await connect();

/** The memory adapter with a clock that the suite moves: what the suite itself is tested with. */
export const memoryHarness: Harness = {
  name: "memory",
  capabilities,
  async setup() {
    const name = randomUUID();
    let ahead = 0;
    const now = (): number => Date.now() + ahead;
    // A storage by name lives as long as one manager is open on it.
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

export default memoryHarness;
