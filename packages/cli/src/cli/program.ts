import { Command, CommanderError, Option } from "commander";
import { defaultStore } from "./default-store.ts";
import { parseDuration } from "./duration.ts";
import { exitCode } from "./exit-code.ts";
import { describeError, exitCodeOf } from "./failure.ts";
import { listenForInterruptions } from "./interruption.ts";
import { verbs } from "./verbs.ts";
import { version } from "./version.ts";

/** Runs the command with the arguments of a command line. */
export async function runProgram(argv: readonly string[]): Promise<void> {
  listenForInterruptions();
  try {
    await createProgram().parseAsync(withHelpAsFlag(argv), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      process.exitCode = exitCodeOf(error);
      process.stderr.write(`revkv: ${describeError(error)}\n`);
    } else if (error.exitCode !== 0) {
      process.exitCode = exitCode.usage;
    }
  }
}

/** `help put` is `put --help`, which has loaded the verb. */
function withHelpAsFlag(argv: readonly string[]): readonly string[] {
  const [first, ...rest] = argv;
  return first === "help" ? [...rest, "--help"] : argv;
}

/** The command line: all verbs by name, each of them loaded when it is used. */
function createProgram(): Command {
  const program = new Command("revkv")
    .description("Administers buckets of revkv on any storage, and moves them between stores.")
    .usage("[options] <verb> …")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this, or the help of a verb")
    .helpCommand(false)
    .addOption(new Option("-s, --store <url>", `where the buckets are (default: ${defaultStore})`).env("REVKV_STORE"))
    .option("--json", "print JSON, one object a line")
    .option("--timeout <duration>", "how long each step may wait for the storage (default: 5s)", parseDuration)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(`revkv: ${oneLine(text)}\n`) })
    .addHelpText("after", "\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 conflict.");
  for (const { name, aliases = [], summary, group } of verbs) {
    program.command(name).aliases(aliases).description(summary).helpGroup(group);
  }
  program.command("complete", { hidden: true });
  program.hook("preSubcommand", async (_, command) => loadVerb(command));
  return program;
}

/** Gives a command its arguments, options and action. */
async function loadVerb(command: Command): Promise<void> {
  const verb = verbs.find(({ name }) => name === command.name());
  if (verb !== undefined) (await verb.load()).define(command);
  else (await import("./complete.ts")).define(command, loadVerb);
}

/** An error of commander's, with its suggestion, as a line. */
function oneLine(text: string): string {
  return text
    .replace(/^error: /, "")
    .trim()
    .replaceAll(/\s*\n\s*/g, " ");
}
