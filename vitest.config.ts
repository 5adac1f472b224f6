import { readdirSync } from "node:fs";
import { basename } from "node:path";
import type { ViteUserConfig } from "vitest/config";

/** Tests need no build: packages resolve to their source. The rest are Vite's defaults, which a list replaces. */
const conditions = ["@revkv/source", "module", "node", "development|production"];

const { REVKV_PATIENCE = "45000" } = process.env;

/** Every package is a project, named after its folder, and so are the other folders: `npm test -- --project docs`. */
const packages = readdirSync("packages", { withFileTypes: true }).filter((entry) => entry.isDirectory());
const folders = [...packages.map(({ name }) => `packages/${name}`), "docs", "examples", "servers"];

const config: ViteUserConfig = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["@revkv/source", "node"] } },
  test: {
    // CommonJS packages are imported as Node imports them: what passes here works for users too.
    deps: { interopDefault: false },
    // Most tests wait for servers, timers and other processes: a core left free is wasted.
    maxWorkers: "100%",
    // They end what hangs, and say nothing of how long anything should take: a busy machine takes its time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    env: { REVKV_PATIENCE },
    projects: folders.map((root) => ({
      extends: true,
      test: { name: basename(root), root, include: ["{src,test}/**/*.test.ts"] },
    })),
  },
};

export default config;
