import { conformance } from "@revkv/conformance/vitest";
import { fileHarness, sharedDatabase } from "./harness.ts";

conformance(fileHarness("better-sqlite3", "full"));
conformance(fileHarness("node:sqlite", "normal"));
conformance(sharedDatabase);
