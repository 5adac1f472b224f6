import { script } from "@bomb.sh/tab";
import type { Command } from "commander";
import { Argument } from "commander";
import { verb } from "../verb.ts";

export function define(command: Command): void {
  command
    .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
    .addHelpText(
      "after",
      `
bash: source <(revkv completion bash)                               in ~/.bashrc, with bash-completion
zsh:  source <(revkv completion zsh)                                in ~/.zshrc, after compinit
fish: revkv completion fish > ~/.config/fish/completions/revkv.fish`,
    )
    .action(
      verb(command, async (_, shell: string) => {
        // Printed by the library.
        script(shell, "revkv", "revkv");
      }),
    );
}
