import { conformance } from "@revkv/conformance/vitest";
import { gaps, serverHarness } from "./harness.ts";

conformance(await serverHarness("NATS server", gaps));
