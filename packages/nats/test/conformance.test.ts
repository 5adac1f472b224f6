import { conformance } from "@revkv/conformance/vitest";
import { serverHarness } from "./harness.ts";

const gaps = {
  "B5/extremes":
    "NATS counts a lifetime in nanoseconds with 64 bits, from 100 ms on, and a message's size with 32 bits",
  "T1/farthest-deadline": "NATS counts a lifetime in nanoseconds with 64 bits",
};

conformance(await serverHarness("NATS server", gaps));
