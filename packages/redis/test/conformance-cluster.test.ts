import { conformance } from "@revkv/conformance/vitest";
import { prefixHarness, sharedCluster } from "./harness.ts";

conformance(prefixHarness("prefix of a Cluster", sharedCluster));
