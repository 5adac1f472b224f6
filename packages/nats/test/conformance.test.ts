import { conformance } from "@revkv/conformance/vitest";
import { serverHarness } from "./harness.ts";

conformance(await serverHarness("NATS server"));
