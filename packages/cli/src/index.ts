export type { ManagerOptions } from "@revkv/api";
export { connect } from "./connect.ts";
