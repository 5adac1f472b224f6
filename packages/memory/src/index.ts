export { connect, type MemoryOptions } from "./connect.ts";
