import { readdirSync } from "node:fs";
import type { ViteUserConfig } from "vitest/config";

/** Tests need no build: packages resolve to their source. The rest are Vite's defaults, which a list replaces. */
const conditions = ["@revkv/source", "module", "node", "development|production"];

/** Every package is a project, named after its folder: `npm test -- --project memory`. */
const packages = readdirSync("packages", { withFileTypes: true }).filter((entry) => entry.isDirectory());

const config: ViteUserConfig = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["@revkv/source", "node"] } },
  test: {
    // CommonJS packages are imported as Node imports them: what passes here works for users too.
    deps: { interopDefault: false },
    projects: packages.map(({ name }) => ({
      extends: true,
      test: { name, root: `packages/${name}`, include: ["{src,test}/**/*.test.ts"] },
    })),
  },
};

export default config;
