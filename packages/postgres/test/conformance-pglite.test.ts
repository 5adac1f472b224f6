import { PGlite } from "@electric-sql/pglite";
import type { Harness } from "@revkv/conformance";
import { conformance } from "@revkv/conformance/vitest";
import { vi } from "vitest";
import { connect } from "../src/index.ts";
import { schemaHarness, sharedServer } from "./harness.ts";
import { patient } from "./patient.ts";
import { pglitePool } from "./pglite-pool.ts";

const { capabilities } = schemaHarness("", sharedServer);

/** Databases within this process: no other can open them, so there is no `child`. There is nothing to listen on either. */
const harness: Harness = {
  name: "PGlite",
  capabilities,
  knownGaps: {
    "W8/memory": "the database itself holds in this process's memory what is written",
  },
  setup: async () => {
    const database = new PGlite();
    const pool = pglitePool(database);
    return {
      // All scenarios that run at the same time wait for the one connection.
      open: (options) => connect({ pool, timeout: patient, ...options }),
      dispose: () => database.close(),
    };
  },
};

// There is one connection for all scenarios, and some wait for what takes place within a second.
vi.setConfig({ maxConcurrency: 2 });

conformance(harness);
