import { conformance } from "@revkv/conformance/vitest";
import { afterAll } from "vitest";
import { ddl } from "../src/index.ts";
import { execute, restartableHarness, schemaHarness, sharedServer } from "./harness.ts";
import type { Role } from "./roles.ts";
import { createRole, neededGrants } from "./roles.ts";
import { fillPublic } from "./strangers.ts";

let role: Promise<Role> | undefined;

afterAll(async () => (await role)?.[Symbol.asyncDispose]());

/** With no more rights than are needed, and nothing of what others have put into the database is ever called. */
conformance(
  schemaHarness(
    "schema of an administrator, a role with the grants that it needs",
    sharedServer,
    async (url) => {
      await fillPublic(url);
      role ??= createRole(url);
      return { connectionString: (await role).url, migrate: false };
    },
    async (url, schema) => {
      const { name } = (await role) as Role;
      const grants = neededGrants(schema).map((grant) => `GRANT ${grant} TO ${name}`);
      const revoke = `REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} FROM PUBLIC`;
      await execute(url, [ddl(schema), revoke, ...grants].join(";\n"));
    },
  ),
);
conformance(restartableHarness, { only: ["W10", "E3/restart", "E5/restart"] });
