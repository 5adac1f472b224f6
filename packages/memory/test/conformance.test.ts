import { conformance } from "@revkv/conformance/vitest";
import { injectedClock, realClock } from "./harness.ts";

conformance(realClock);
conformance(injectedClock);
