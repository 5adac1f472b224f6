import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { codeBlocks, exampleFiles, fileNameOf, programOf, promisedOutput } from "./code-blocks.ts";

const all = codeBlocks();
const blocks = all.filter(({ language }) => language === "ts");
const excerpts = all.filter(({ marker }) => marker?.startsWith("from="));
const outputs = all.filter(({ marker }) => marker?.startsWith("output="));
const programs = blocks.filter((block) => !excerpts.includes(block));

/** Inside of the repository, so that programs find its packages; the examples are there as the reader's own files. */
let folder: string;

beforeAll(async () => {
  await mkdir(".vitest", { recursive: true });
  folder = await mkdtemp(resolve(".vitest/code-blocks-"));
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../../tsconfig.json",
      compilerOptions: { declaration: false, isolatedDeclarations: false, noUnusedLocals: false },
      include: ["*.ts"],
    }),
  );
  for (const file of exampleFiles()) await copyFile(file, join(folder, basename(file)));
  for (const block of programs) await writeFile(join(folder, fileNameOf(block)), programOf(block));
});

afterAll(() => rm(folder, { recursive: true }));

test("every TypeScript block of the documentation type-checks", { timeout: 60_000 }, async () => {
  const compiler = resolve("node_modules/typescript/bin/tsc");
  await run(compiler, ["--project", folder]);
});

describe("every TypeScript block runs and prints what it says", () => {
  const runnable = programs.filter(({ marker }) => marker !== "no-run");
  test.concurrent.for(runnable)("$name", async (block) => {
    const printed = (await run(join(folder, fileNameOf(block)))).split("\n");
    const promised = promisedOutput(block);
    expect(printed.filter((line) => promised.includes(line))).toEqual(promised);
  });
});

describe("every excerpt is as the file has it", () => {
  test.for(excerpts)("$name", async ({ marker, text }) => {
    const file = await readFile(marker?.slice("from=".length) ?? "", "utf8");
    expect(withoutIndent(file)).toContain(withoutIndent(text));
  });
});

describe("every output is what the program prints", () => {
  test.for(outputs)("$name", async ({ marker, text }) => {
    const printed = await run(resolve(marker?.slice("output=".length) ?? ""));
    expect(normalized(text)).toBe(normalized(printed.trim()));
  });
});

/** Runs a program in an empty folder and gives what it printed; fails with all of that when the program fails. */
async function run(program: string, args: readonly string[] = []): Promise<string> {
  const options = { cwd: await mkdtemp(join(folder, "run-")), timeout: 60_000 };
  const node = ["--conditions=@revkv/source", program, ...args];
  const { stdout } = await promisify(execFile)(process.execPath, node, options).catch((error: unknown) => {
    const { stdout = "", stderr = "" } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${basename(program)} failed:\n${stdout}${stderr}`);
  });
  return stdout;
}

function withoutIndent(text: string): string {
  return text.replaceAll(/^ +/gm, "");
}

/**
 * Takes out what differs from day to day and from machine to machine: offsets from UTC, how many time zones are known,
 * and with it the revisions, which are given relative to their number.
 */
function normalized(text: string): string {
  const zones = Number(/the (\d+) time zones/.exec(text)?.[1]);
  return text
    .replaceAll(/[+-]\d\d:\d\d/g, "±hh:mm")
    .replaceAll(/\d+/g, (digits) => (Number(digits) >= zones ? `<zones + ${Number(digits) - zones}>` : digits))
    .replaceAll(/(revision +|… )\d+/g, "$1<n>");
}
