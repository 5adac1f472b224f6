import { globSync, readFileSync } from "node:fs";
import { marked } from "marked";

/** A fenced block of a document, or of a comment in a source file. */
export interface CodeBlock {
  readonly file: string;
  /** The file, and the number of the block there. */
  readonly name: string;
  readonly language: string;
  /** What follows the language on the fence: `no-run`, `from=<file>` or `output=<file>`; see CONTRIBUTING.md. */
  readonly marker: string | undefined;
  readonly text: string;
}

/** Where documentation is: documents, and the TSDoc of the packages. */
const documented = ["*.md", "docs/*.md", "packages/*/*.md", "packages/*/src/**/*.ts"];

/** The files of `examples`, which a block imports as `./<file>`. */
export function exampleFiles(): string[] {
  return globSync("examples/*.ts");
}

/** Every block of the documentation in which a language is named. */
export function codeBlocks(): CodeBlock[] {
  return globSync(documented).sort().flatMap(blocksOf);
}

function blocksOf(file: string): CodeBlock[] {
  const text = readFileSync(file, "utf8");
  const blocks: CodeBlock[] = [];
  for (const document of file.endsWith(".md") ? [text] : commentsOf(text)) {
    void marked.walkTokens(marked.lexer(document), (token) => {
      if (token.type !== "code" || !token["lang"]) return;
      const [language = "", marker] = String(token["lang"]).split(" ");
      blocks.push({ file, name: `${file} ${blocks.length + 1}`, language, marker, text: String(token["text"]) });
    });
  }
  return blocks;
}

/** The doc comments of a source file, without the stars. */
function commentsOf(source: string): string[] {
  return [...source.matchAll(/\/\*\*(.*?)\*\//gs)].map(([, body = ""]) => body.replaceAll(/^[ \t]*\* ?/gm, ""));
}

/** What a block may use without declaring it, in this order. */
const preamble: Readonly<Record<string, string>> = {
  manager: 'const manager = await (await import("@revkv/memory")).connect();',
  kv: 'const kv = await manager.createKeyValue({ bucket: "example", history: 5, limitMarkerTtl: 60_000 });',
};

/** A block as a complete program: the preamble stands on its first line, so that line numbers are one off. */
export function programOf(block: CodeBlock): string {
  let program = `\n${block.text}\n`;
  for (const [name, declaration] of Object.entries(preamble).reverse()) {
    const used = new RegExp(`\\b${name}\\b`).test(program);
    const declared = new RegExp(`\\b(const|let|import) ${name}\\b`).test(program);
    if (used && !declared) program = `${declaration} ${program}`;
  }
  return `${program}export {};\n`;
}

/** What a block says that it prints: the comments behind its calls of `console.log`. */
export function promisedOutput(block: CodeBlock): string[] {
  return [...block.text.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, output = ""]) => output);
}

/** A file name for a block that says where it is from. */
export function fileNameOf(block: CodeBlock): string {
  return `${block.name.replaceAll(/[^\w.]+/g, "-")}.${block.language}`;
}
