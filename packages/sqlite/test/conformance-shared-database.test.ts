import { conformance } from "@revkv/conformance/vitest";
import { sharedDatabase } from "./harness.ts";

conformance(sharedDatabase("full"));
conformance(sharedDatabase("normal"));
