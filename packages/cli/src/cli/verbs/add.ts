import type { Command } from "commander";
import type { ConfigOptions } from "../config-options.ts";
import { addConfigOptions, configOf } from "../config-options.ts";
import { statusRecord, statusText } from "../status-text.ts";
import { verb } from "../verb.ts";

export function define(command: Command): void {
  addConfigOptions(command.argument("<bucket>")).action(
    verb(command, async (session, bucket: string, options: ConfigOptions) => {
      const manager = await session.open(session.store, "create");
      const made = await manager.createKeyValue(configOf(bucket, options), { signal: session.signal });
      const status = await made.status({ signal: session.signal });
      await session.output.result(statusRecord(status), statusText(status));
    }),
  );
}
