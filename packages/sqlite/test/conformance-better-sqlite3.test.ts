import { conformance } from "@revkv/conformance/vitest";
import { fileHarness } from "./harness.ts";

conformance(fileHarness("better-sqlite3", "full"));
