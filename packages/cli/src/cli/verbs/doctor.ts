import type { Command } from "commander";
import { adapterOf } from "../../adapters.ts";
import { examine } from "../../doctor/examine.ts";
import type { Finding } from "../../doctor/finding.ts";
import { exitCode } from "../exit-code.ts";
import { coloured } from "../style.ts";
import { verb } from "../verb.ts";

const marks: Readonly<Record<Finding["state"], string>> = {
  ok: coloured("green", "ok  "),
  warning: coloured("yellow", "warn"),
  failure: coloured("red", "fail"),
};

export function define(command: Command): void {
  command
    .argument("[url]", "the store (default: --store)")
    .addHelpText("after", "\nChanges nothing. Ends with 1 when something is wrong; warnings are no failure.")
    .action(
      verb(command, async (session, url: string | undefined) => {
        const store = url ?? session.store;
        adapterOf(store);
        let failed = false;
        for await (const finding of examine(store, session.timeout)) {
          const { check, state, detail, advice } = finding;
          const hint = advice === undefined ? "" : `\n     ${" ".repeat(14)}  → ${advice}`;
          await session.output.result(finding, `${marks[state]} ${check.padEnd(14)}  ${detail}${hint}`);
          failed ||= state === "failure";
        }
        if (failed) process.exitCode = exitCode.failed;
      }),
    );
}
