import type { UserConfig } from "tsdown";

/**
 * The build of every published package, each run from its own folder. `dist` mirrors `src` file by file: stack traces
 * stay readable, and a module that is started as a process of its own is there without being named anywhere.
 */
const config: UserConfig = {
  cwd: process.cwd(),
  entry: ["src/**/*.ts", "!src/**/*.test.ts"],
  format: "esm",
  platform: "node",
  target: "node22.14",
  unbundle: true,
  dts: true,
};

export default config;
