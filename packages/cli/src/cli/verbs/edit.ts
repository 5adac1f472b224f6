import type { Command } from "commander";
import type { ConfigOptions } from "../config-options.ts";
import { addConfigOptions, configOf } from "../config-options.ts";
import { statusRecord, statusText } from "../status-text.ts";
import { verb } from "../verb.ts";

export function define(command: Command): void {
  addConfigOptions(command.argument("<bucket>"))
    .addHelpText(
      "after",
      '\nWhat is not named stays as it is. "none" takes a limit or all metadata away, "" the description.',
    )
    .action(
      verb(command, async (session, bucket: string, options: ConfigOptions) => {
        const manager = await session.open();
        const changed = await manager.updateKeyValue(configOf(bucket, options), { signal: session.signal });
        const status = await changed.status({ signal: session.signal });
        await session.output.result(statusRecord(status), statusText(status));
      }),
    );
}
