import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { codeBlocks } from "./code-blocks.ts";

/** A command of a session, and what it prints. */
interface Step {
  readonly command: string;
  readonly output: string;
}

/** The line of a session on which Ctrl-C is pressed, when all before it has been printed. */
const interrupt = "^C";

/** What a session calls the folder that it runs in. */
const home = "/home/me";

const sessions = Map.groupBy(
  codeBlocks().filter(({ language, marker }) => language === "console" && marker === undefined),
  ({ file }) => file,
);

describe("the sessions of a file print what they say, one after the other in one folder", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "revkv-sessions-"));
    const command = [process.execPath, "--conditions=@revkv/source", resolve("packages/cli/src/cli/main.ts")];
    await writeFile(join(folder, "revkv"), `#!/bin/sh\nexec ${command.map((part) => `'${part}'`).join(" ")} "$@"\n`);
    await chmod(join(folder, "revkv"), 0o755);
  });

  afterAll(() => rm(folder, { recursive: true }));

  test.concurrent.for([...sessions])("%s", { timeout: 240_000 }, async ([, blocks]) => {
    const cwd = await mkdtemp(join(folder, "run-"));
    for (const { name, text } of blocks) {
      for (const { command, output } of stepsOf(text)) {
        const printed = await carryOut(command, output, cwd);
        expect(`${name}: $ ${command}\n${withoutTimes(printed)}`).toBe(
          `${name}: $ ${command}\n${withoutTimes(output.replace(`${interrupt}\n`, ""))}`,
        );
      }
    }
  });

  async function carryOut(command: string, output: string, cwd: string): Promise<string> {
    const { REVKV_STORE: _, NO_COLOR: __, FORCE_COLOR: ___, ...env } = process.env;
    const child = spawn("sh", ["-c", `exec 2>&1; ${output.includes(interrupt) ? "exec " : ""}${command}`], {
      cwd,
      env: { ...env, PATH: [folder, env["PATH"]].join(delimiter), NODE_NO_WARNINGS: "1" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = output.split("\n").indexOf(interrupt);
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      if (lines >= 0 && printed.split("\n").length > lines) child.kill("SIGINT");
    });
    await once(child, "close");
    printed = printed.replaceAll(cwd, home);
    // A value that is printed as it is need not end its line.
    return printed === "" || printed.endsWith("\n") ? printed : `${printed}\n`;
  }
});

function stepsOf(text: string): Step[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const [command = "", ...output] = step.split("\n");
      while (output.at(-1) === "") output.pop();
      return { command, output: output.map((line) => `${line}\n`).join("") };
    });
}

/** Takes out what differs from run to run: moments, ids, and how long something took. */
function withoutTimes(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{3}Z)?/g, "<time>")
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<id>")
    .replaceAll(/\d+\.\d+ ms/g, "<n> ms")
    .replaceAll(/SQLite \d+\.\d+\.\d+|\d+ bytes/g, "<n>");
}
