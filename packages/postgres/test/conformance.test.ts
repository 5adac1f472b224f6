import { conformance } from "@revkv/conformance/vitest";
import { restartableHarness, schemaHarness, sharedServer } from "./harness.ts";
import { fillPublic } from "./strangers.ts";

/** Nothing of what others have put into the database is ever called. */
conformance(
  schemaHarness("schema of a shared server", sharedServer, async (url) => {
    await fillPublic(url);
    return { connectionString: url };
  }),
);
conformance(restartableHarness, { only: ["W10", "E3/restart", "E5/restart"] });
