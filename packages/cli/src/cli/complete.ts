import { RootCommand } from "@bomb.sh/tab";
import type { Argument, Command } from "commander";
import type { Session } from "./session.ts";
import { verb } from "./verb.ts";

/** The arguments that are, or may be, the name of a bucket. */
const namesBucket: ReadonlySet<string> = new Set(["bucket", "source", "target"]);

/** What a person waits for at most when a bucket's name is completed, in milliseconds. */
const patience = 1000;

/** What the scripts of `completion` call, with the words of the command line after `--`. */
export function define(command: Command, loadVerb: (verb: Command) => Promise<void>): void {
  command.argument("[words...]").action(
    verb(command, async (session, given: string[]) => {
      const words = withValuesApart(given);
      const buckets = await bucketNames(session, words);
      const root = new RootCommand();
      const program = command.parent ?? command;
      addOptions(root, program);
      for (const sub of program.createHelp().visibleCommands(program)) {
        await loadVerb(sub);
        for (const name of [sub.name(), ...sub.aliases()]) {
          const completed = root.command(name, sub.description());
          addOptions(completed, sub);
          for (const argument of sub.registeredArguments) {
            completed.argument(argument.name(), suggestions(argument, buckets), argument.variadic);
          }
        }
      }
      root.parse(words);
    }),
  );
}

/** `--store=URL` as two words, as the library has it; the last word is still being typed. */
function withValuesApart(words: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    const [, option, value] = /^(--[\w-]+)=(.*)$/s.exec(word) ?? [];
    return option === undefined || value === undefined || index === words.length - 1 ? [word] : [option, value];
  });
}

type Completed = ReturnType<RootCommand["command"]>;

function addOptions(completed: Completed, command: Command): void {
  for (const { long, short, description, required, optional } of command.options) {
    const name = long?.replace(/^--/, "");
    if (name === undefined) continue;
    const letter = short?.slice(1) ?? "";
    // With a function it takes a value, of which we know nothing; without it is a switch.
    if (required || optional) completed.option(name, description, () => {}, letter);
    else completed.option(name, description, letter);
  }
}

function suggestions(
  argument: Argument,
  buckets: readonly string[],
): (complete: (value: string, description: string) => void) => void {
  const values = namesBucket.has(argument.name()) ? buckets : (argument.argChoices ?? []);
  return (complete) => {
    for (const value of values) complete(value, "");
  };
}

/** The buckets of the store that the command line names; none where it cannot be asked. */
async function bucketNames(session: Session, words: readonly string[]): Promise<string[]> {
  const flag = words.findIndex((word) => word === "-s" || word === "--store");
  const names: string[] = [];
  if (words.length < 2) return names;
  try {
    const signal = AbortSignal.timeout(patience);
    const manager = await session.open(flag === -1 ? session.store : words[flag + 1]);
    for await (const name of manager.keyValueStoreNames({ signal })) names.push(name);
  } catch {
    // A completion that fails is none.
  }
  return names;
}
