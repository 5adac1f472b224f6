import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { needTool } from "@revkv/servers/tool";
import { beforeAll, describe, expect, test } from "vitest";
import { commandLine, printed } from "./revkv.ts";
import { sqliteStore, temporaryDirectory } from "./stores.ts";

describe("completion", { timeout: 120_000 }, () => {
  let folder: string;
  let store: string;
  beforeAll(async () => {
    folder = await temporaryDirectory();
    store = await sqliteStore.open();
    await printed(["add", "flags", "-s", store]);
    await printed(["add", "jobs", "-s", store]);
    const quoted = commandLine.map((part) => `'${part}'`).join(" ");
    await writeFile(join(folder, "revkv"), `#!/bin/sh\nexec ${quoted} "$@"\n`);
    await chmod(join(folder, "revkv"), 0o755);
    await writeFile(join(folder, "completion.bash"), await printed(["completion", "bash"]));
  }, 120_000);

  /** What bash offers after some words, the last of which is being typed. */
  async function offered(...words: string[]): Promise<string[]> {
    const script = `
      source "$1/completion.bash"; shift
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=\${#COMP_LINE}
      _init_completion() { words=("\${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=\${words[cword]}; prev=\${words[cword-1]}; }
      _get_comp_words_by_ref() { _init_completion; }
      complete -p revkv > /dev/null || exit
      $(complete -p revkv | sed 's/.*-F \\([^ ]*\\).*/\\1/') revkv
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await promisify(execFile)("bash", ["-c", script, "bash", folder, "revkv", ...words], {
      env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}`, REVKV_STORE: store, NODE_NO_WARNINGS: "1" },
    });
    return stdout
      .split("\n")
      .map((line) => line.replace(/ .*/, ""))
      .filter((line) => line !== "");
  }

  test("bash offers verbs, aliases, flags and the names of buckets", async () => {
    expect(await offered("hi")).toEqual(["history"]);
    expect(await offered("lis")).toEqual(["list"]);
    expect(await offered("add", "--max")).toEqual(["--max-value-size", "--max-bucket-size"]);
    expect(await offered("get", "")).toEqual(["flags", "jobs"]);
    expect(await offered("get", "j")).toEqual(["jobs"]);
    expect(await offered(`--store=${store}`, "get", "--revision=1", "j")).toEqual(["jobs"]);
    expect(await offered("copy", "")).toEqual(["flags", "jobs"]);
    expect(await offered("completion", "z")).toEqual(["zsh"]);
  });

  /** The environment of a shell that finds the command, and nothing of whoever runs the tests. */
  function environment(): NodeJS.ProcessEnv {
    const path = `${folder}:${process.env["PATH"]}`;
    return { PATH: path, HOME: folder, TERM: "xterm", REVKV_STORE: store, NODE_NO_WARNINGS: "1" };
  }

  test("fish offers them", async () => {
    const fish = needTool("fish");
    const script = "revkv completion fish | source; complete -C $argv[1]";
    const offeredTo = async (line: string): Promise<string[]> => {
      const { stdout } = await promisify(execFile)(fish, ["--no-config", "-c", script, line], { env: environment() });
      return stdout
        .split("\n")
        .map((each) => each.replace(/\t.*/, ""))
        .filter((each) => each !== "");
    };
    expect(await offeredTo("revkv hi")).toEqual(["history"]);
    expect(await offeredTo("revkv get ")).toEqual(["flags", "jobs"]);
    expect(await offeredTo("revkv add --max")).toEqual(["--max-bucket-size", "--max-value-size"]);
  });

  test("zsh completes them with Tab", async () => {
    const zsh = needTool("zsh");
    const terminal = spawn(needTool("script", "bsdutils"), ["-qec", `stty cols 80; exec ${zsh} -f`, "/dev/null"], {
      env: environment(),
    });
    let shown = "";
    terminal.stdout.setEncoding("utf8").on("data", (text: string) => {
      shown += text;
    });
    const ended = once(terminal, "close");
    // Quoted, so that the prompt is not what was typed.
    terminal.stdin.write("autoload -U compinit; compinit -u -D; source <(revkv completion zsh); PROMPT='rea''dy> '\n");
    await expect.poll(() => shown).toContain("ready> ");
    terminal.stdin.write("revkv hi\tjo\t");
    await expect.poll(() => shown).toMatch(/history.*jobs/s);
    terminal.stdin.end("\u0003exit\n");
    await ended;
  });
});
