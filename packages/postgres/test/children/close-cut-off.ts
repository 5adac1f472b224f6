import { isKeyValueError } from "@revkv/api";
import { connect } from "../../src/index.ts";

/** What a parent hears when it is over. */
export interface Closed {
  /** What became of closing: "done", or the code of its error. */
  readonly close: string;
  /** What became of a write that was in flight. */
  readonly write: string;
}

const [connectionString, timeout] = process.argv.slice(2).map((arg) => JSON.parse(arg) as unknown);

const manager = await connect({ connectionString: connectionString as string, timeout: timeout as number });
const kv = await manager.createOrUpdateKeyValue({ bucket: "cut-off" });
const watching = (await kv.watch(">")).forEach(() => {});
await Promise.all(Array.from({ length: 20 }, (_, index) => kv.put(`key.${index}`, "x")));
await Promise.all(Array.from({ length: 20 }, (_, index) => kv.get(`key.${index}`)));

async function codeOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => "done",
    (error: unknown) => (isKeyValueError(error) ? error.code : String(error)),
  );
}

/** The parent cuts the network off, and says so. */
process.once("message", async () => {
  const write = codeOf(kv.put("late", "x"));
  const reading = kv.get("late").catch(() => undefined);
  const close = await codeOf(manager.close());
  await Promise.all([watching, reading]);
  const closed: Closed = { close, write: await write };
  process.send?.(closed, undefined, undefined, () => process.disconnect());
});
process.send?.("ready");
