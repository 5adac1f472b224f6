/** How the conformance suite opens the worked example: `npm run conformance -- examples/harness.ts`. */
import { embeddedCapabilities } from "@revkv/api/adapter";
import type { Harness } from "@revkv/conformance";
import { connect, mapStorage } from "./map-adapter.ts";

const harness: Harness = {
  name: "map",
  capabilities: embeddedCapabilities,
  setup: async () => {
    const storage = mapStorage();
    return {
      open: (options) => connect(options, storage),
      dispose: async () => undefined,
    };
  },
};

export default harness;
