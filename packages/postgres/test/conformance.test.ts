import { conformance } from "@revkv/conformance/vitest";
import { restartableHarness, schemaHarness, sharedServer } from "./harness.ts";

conformance(schemaHarness("schema of a shared server", sharedServer));
conformance(restartableHarness, { only: ["W10", "E3/restart", "E5/restart"] });
