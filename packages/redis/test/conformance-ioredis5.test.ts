import { conformance } from "@revkv/conformance/vitest";
import { prefixHarness, sharedIoredis5, sharedServer } from "./harness.ts";

conformance(
  prefixHarness("the application's client, of ioredis 5", sharedIoredis5, async (prefix) => [
    { ioredis5: (await sharedServer()).url, prefix },
  ]),
);
