import { conformance } from "@revkv/conformance/vitest";
import { prefixHarness, restartableHarness, sharedServer } from "./harness.ts";

conformance(prefixHarness("prefix of a shared server", sharedServer));
conformance(restartableHarness, { only: ["W10", "E3/restart", "E5/restart"] });
