import { existsSync, readdirSync } from "node:fs";
import { defineConfig } from "vitest/config";

/** Every folder of packages/ is a project of the same name: `npm test -- --project memory`. */
const projects = readdirSync("packages").filter((folder) => existsSync(`packages/${folder}/package.json`));

/** Packages are tested from source. Vite's own defaults follow, since naming conditions replaces them. */
const conditions = ["@revkv/source", "module", "node", "development|production"];

const inCi = Boolean(process.env["CI"]);

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["@revkv/source", "node"] } },
  test: {
    pool: "forks",
    reporters: inCi ? ["default", ["json", { outputFile: ".vitest/report.json" }]] : ["default"],
    projects: projects.map((folder) => ({
      extends: true,
      test: { name: folder, root: `packages/${folder}`, include: ["{src,test}/**/*.test.ts"] },
    })),
  },
});
