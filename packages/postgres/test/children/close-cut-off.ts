import { isKeyValueError } from "@revkv/api";
import { connect } from "../../src/index.ts";

/** What a parent hears when it is over. */
export interface Closed {
  /** How long closing took, in milliseconds. */
  readonly took: number;
  /** The code of a write that was in flight. */
  readonly write: string;
}

const [connectionString, timeout] = process.argv.slice(2).map((arg) => JSON.parse(arg) as unknown);

const manager = await connect({ connectionString: connectionString as string, timeout: timeout as number });
const kv = await manager.createOrUpdateKeyValue({ bucket: "cut-off" });
const watching = (await kv.watch(">")).forEach(() => {});
await Promise.all(Array.from({ length: 20 }, (_, index) => kv.put(`key.${index}`, "x")));
await Promise.all(Array.from({ length: 20 }, (_, index) => kv.get(`key.${index}`)));

/** The parent cuts the network off, and says so. */
process.once("message", async () => {
  const write = kv.put("late", "x").then(
    () => "written",
    (error: unknown) => (isKeyValueError(error) ? error.code : String(error)),
  );
  const reading = kv.get("late").catch(() => undefined);
  const began = performance.now();
  await manager.close();
  const took = performance.now() - began;
  await Promise.all([watching, reading]);
  const closed: Closed = { took, write: await write };
  process.send?.(closed, undefined, undefined, () => process.disconnect());
});
process.send?.("ready");
