import type { Command } from "commander";
import { statusRecord, statusText } from "../status-text.ts";
import { verb } from "../verb.ts";

export function define(command: Command): void {
  command.argument("[bucket]", "left out: what the store can do").action(
    verb(command, async (session, bucket: string | undefined) => {
      const manager = await session.open();
      if (bucket !== undefined) {
        const status = await (await manager.keyValue(bucket, { signal: session.signal })).status({
          signal: session.signal,
        });
        return session.output.result(statusRecord(status), statusText(status));
      }
      let buckets = 0;
      for await (const _ of manager.keyValueStoreNames({ signal: session.signal })) buckets += 1;
      const { backingStore, capabilities } = manager;
      const rows = Object.entries({ "Backing Store Kind": backingStore, Buckets: buckets, ...capabilities });
      const width = Math.max(...rows.map(([title]) => title.length));
      const text = rows.map(([title, value]) => `${title.padStart(width + 2)}: ${value}`).join("\n");
      return session.output.result({ backingStore, buckets, capabilities }, text);
    }),
  );
}
