import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import type { PostgresServer } from "@revkv/servers/postgres";
import { startPostgres } from "@revkv/servers/postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CodeBlock } from "./code-blocks.ts";
import { codeBlocks, exampleFiles, fileNameOf, programOf, promisedOutput } from "./code-blocks.ts";
import type { PageDatabase } from "./page-database.ts";
import { needsDatabase, openPageDatabase } from "./page-database.ts";
import { needsServer, openPageServers, writeRedisCli } from "./page-servers.ts";

const all = codeBlocks();
const blocks = all.filter(({ language }) => language === "ts");
const excerpts = all.filter(({ marker }) => marker?.startsWith("from="));
const outputs = all.filter(({ marker }) => marker?.startsWith("output="));
const programs = blocks.filter((block) => !excerpts.includes(block));
const onServers = all.filter((block) => needsDatabase(block) || needsServer(block));

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
  await mkdir(join(folder, "bin"));
  await writeRedisCli(join(folder, "bin"));
  for (const block of onServers) {
    if (!programs.includes(block)) await writeFile(join(folder, fileNameOf(block)), block.text);
  }
});

afterAll(() => rm(folder, { recursive: true }));

test("every TypeScript block of the documentation type-checks", async () => {
  const compiler = resolve("node_modules/typescript/bin/tsc");
  await run(compiler, ["--project", folder]);
});

describe("every TypeScript block runs and prints what it says", () => {
  const runnable = programs.filter((block) => block.marker !== "no-run" && !onServers.includes(block));
  test.concurrent.for(runnable)("$name", (block) => runProgram(block));
});

describe("the blocks of a file that use servers run in order, on servers of the file", () => {
  let postgres: PostgresServer;
  beforeAll(async () => {
    // Not one that is given: roles are made, and pg_dump is to be that of the server.
    postgres = await startPostgres({ fsync: false });
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  const files = Map.groupBy(onServers, ({ file }) => file);
  test.concurrent.for([...files])("%s", { timeout: 120_000 }, async ([, blocksOfFile]) => {
    await using database = await openPageDatabase(postgres);
    await using servers = await openPageServers(blocksOfFile);
    const path = [join(folder, "bin"), dirname(process.execPath), database.programs, process.env["PATH"]];
    const cwd = await emptyFolder();
    for (const block of blocksOfFile) {
      const env = { ...servers.environment, ...database.environment, PATH: path.join(delimiter) };
      await carryOut(block, database, { cwd, env });
    }
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

/** Where a program runs, and what it finds in its environment beside ours. */
interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

async function carryOut(block: CodeBlock, database: PageDatabase, surroundings: Surroundings): Promise<void> {
  const file = join(folder, fileNameOf(block));
  if (block.language === "ts") await runProgram(block, surroundings);
  else if (block.language === "ini") await database.startPooler(block.text);
  else if (block.language === "sh") await execute("sh", ["-eu", file], surroundings);
  else
    await execute(
      "psql",
      [database.environment["DATABASE_URL"] ?? "", "--set=ON_ERROR_STOP=1", `--file=${file}`],
      surroundings,
    );
}

/** Runs a block, and looks whether it prints what it says. */
async function runProgram(block: CodeBlock, surroundings?: Surroundings): Promise<void> {
  const printed = (await run(join(folder, fileNameOf(block)), [], surroundings)).split("\n");
  const promised = promisedOutput(block);
  expect(printed.filter((line) => promised.includes(line))).toEqual(promised);
}

/** Runs a program in an empty folder and gives what it printed; fails with all of that when the program fails. */
async function run(program: string, args: readonly string[] = [], surroundings?: Surroundings): Promise<string> {
  return execute(process.execPath, [program, ...args], surroundings ?? { cwd: await emptyFolder(), env: {} });
}

function emptyFolder(): Promise<string> {
  return mkdtemp(join(folder, "run-"));
}

/** The same for any command. What runs on Node in it resolves packages to their source. */
async function execute(command: string, args: readonly string[], { cwd, env }: Surroundings): Promise<string> {
  const options = {
    cwd,
    env: { ...process.env, NODE_OPTIONS: "--conditions=@revkv/source", ...env },
    timeout: 110_000,
  };
  const { stdout } = await promisify(execFile)(command, args, options).catch((error: unknown) => {
    const { stdout = "", stderr = "" } = error as { readonly stdout?: string; readonly stderr?: string };
    const what = [command, ...args].map((part) => basename(part)).join(" ");
    throw new Error(`${what} failed:\n${stdout}${stderr}`);
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
