import { conformance } from "@revkv/conformance/vitest";
import { prefixHarness, restartableCluster, selection, sharedCluster, sharedCluster5 } from "./harness.ts";

conformance(
  prefixHarness("the application's Cluster, of ioredis 5", sharedCluster5, async (prefix) => [
    { ioredis5: (await sharedCluster()).cluster, prefix },
  ]),
);
conformance(prefixHarness("prefix of a Cluster", sharedCluster), { only: selection });
conformance(restartableCluster, { only: ["W10", "E3/restart", "E5/restart"] });
