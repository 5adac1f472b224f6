import { randomUUID } from "node:crypto";
import type { Harness } from "@revkv/conformance";
// By path: memory's own tests use this package, and a dependency back would be a circle.
import { connect } from "../../memory/src/index.ts";

const { capabilities } = await connect();

/** The memory adapter with a clock that moves only when the suite moves it: what the suite itself is tested with. */
const memoryHarness: Harness = {
  name: "memory",
  capabilities,
  async setup() {
    const name = randomUUID();
    let time = Date.now();
    const now = (): number => time;
    // A storage by name lives as long as one manager is open on it.
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

export default memoryHarness;
