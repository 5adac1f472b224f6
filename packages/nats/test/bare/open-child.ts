/** How another process opens the bare mapping. */
export { connectBare as open } from "./bare-manager.ts";
