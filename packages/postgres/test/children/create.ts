/** Opens some managers at once on a schema that may not be there, and writes by each. */
import { connect } from "../../src/index.ts";

const [connectionString, schema, count] = process.argv.slice(2).map((arg) => JSON.parse(arg) as unknown);
const writing = Array.from({ length: count as number }, async () => {
  const manager = await connect({ connectionString: connectionString as string, schema: schema as string, max: 1 });
  const kv = await manager.createKeyValue({ bucket: "b" });
  const revision = await kv.put("a", "1");
  await manager.close();
  return revision;
});
process.stdout.write(JSON.stringify(await Promise.all(writing)));
