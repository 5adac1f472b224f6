import { conformance } from "@revkv/conformance/vitest";
import { prefixHarness, selection, sharedIoredis5, sharedSentinel, sharedServer } from "./harness.ts";

// The whole suite runs on ioredis 6 on a server, and on ioredis 5 on a Cluster.
conformance(
  prefixHarness("the application's client, of ioredis 5", sharedIoredis5, async (prefix) => [
    { ioredis5: (await sharedServer()).url, prefix },
  ]),
  { only: selection },
);
conformance(prefixHarness("behind Sentinel", sharedSentinel), { only: selection });
