import { createRequire } from "node:module";

const { version: ours } = createRequire(import.meta.url)("revkv/package.json") as { readonly version: string };

/** The version of this package. */
export const version: string = ours;
