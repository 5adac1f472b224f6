/** Reads and watches as whoever this process is, tries to write, and says what came of it. */
import { isKeyValueError } from "@revkv/api";
import type { SqliteFileOptions } from "../../src/index.ts";
import { connect } from "../../src/index.ts";

const options = JSON.parse(process.argv[2] ?? "") as SqliteFileOptions;
const codeOf = (error: unknown): string => (isKeyValueError(error) ? error.code : String(error));
const say = (what: string): void => void process.stdout.write(`${what}\n`);
try {
  const manager = await connect(options);
  const kv = await manager.keyValue("b");
  say(`read ${(await kv.get("a"))?.string()}`);
  say(`put ${await kv.put("a", "mine").catch(codeOf)}`);
  say(`create ${await manager.createKeyValue({ bucket: "other" }).then(String, codeOf)}`);
  for await (const entry of await kv.watch("a")) {
    say(`watch ${entry?.string()}`);
    if (entry?.string() === "end") break;
  }
  await manager.close();
} catch (error) {
  say(`failed ${codeOf(error)}`);
}
