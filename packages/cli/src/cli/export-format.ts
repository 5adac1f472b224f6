import { createReadStream } from "node:fs";
import { addAbortSignal } from "node:stream";
import type { KeyValueConfig } from "@revkv/api";
import { isKey } from "@revkv/api";
import type { TransferEntry } from "../transfer/record.ts";
import type { EntryRecord } from "./entry-record.ts";
import { exitCode } from "./exit-code.ts";
import { CommandError } from "./failure.ts";

/** The first line of an export. */
export interface ExportHeader {
  readonly type: "revkv-export";
  readonly version: 1;
  readonly exportedAt: string;
  readonly lastRevision: number;
  /** Of the bucket: durations in milliseconds, sizes in bytes. */
  readonly config: KeyValueConfig;
}

/** The last line of an export: without it the export is cut short. */
export interface ExportEnd {
  readonly type: "end";
  readonly entries: number;
}

/** An export, as it is read. */
export interface Import {
  readonly header: ExportHeader;
  /** Its entries in their order; throws when a line is none, or the end is missing. */
  readonly entries: AsyncGenerator<TransferEntry, void>;
}

/** Reads an export, a line at a time. */
export async function readExport(file: string | undefined, signal: AbortSignal): Promise<Import> {
  const stream = file === undefined ? process.stdin : createReadStream(file);
  const lines = numberedLines(addAbortSignal(signal, stream));
  const first = await lines.next();
  const header = first.done ? undefined : (parseLine(first.value) as Partial<ExportHeader>);
  if (header?.type !== "revkv-export") throw malformed(1, 'an export begins with a line of type "revkv-export"');
  if (header.version !== 1) {
    throw malformed(1, `its version is ${JSON.stringify(header.version)}, and this version of revkv reads 1`);
  }
  if (typeof header.config !== "object" || header.config === null || Array.isArray(header.config))
    throw malformed(1, "it has no config");
  return { header: header as ExportHeader, entries: readEntries(lines) };
}

async function* readEntries(lines: AsyncGenerator<NumberedLine, void>): AsyncGenerator<TransferEntry, void> {
  let count = 0;
  let hasEnded = false;
  for await (const line of lines) {
    if (hasEnded) throw malformed(line.number, "something follows its end");
    const record = parseLine(line);
    if (record["type"] === "end") {
      if (record["entries"] !== count) {
        const said = JSON.stringify(record["entries"]);
        throw malformed(line.number, `it ends after ${count} entries, and says that there are ${said}`);
      }
      hasEnded = true;
      continue;
    }
    yield entryOf(record, line.number);
    count += 1;
  }
  if (!hasEnded) throw malformed(undefined, `it is cut short after ${count} entries: its last line is missing`);
}

interface NumberedLine {
  readonly number: number;
  readonly text: string;
}

const endOfLine = 10;

async function* numberedLines(stream: AsyncIterable<unknown>): AsyncGenerator<NumberedLine, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let number = 0;
  // A long line comes in many chunks, which are joined at its end.
  let parts: Uint8Array[] = [];
  const line = (): NumberedLine => {
    number += 1;
    try {
      return { number, text: decoder.decode(Buffer.concat(parts)) };
    } catch {
      throw malformed(number, "it is no UTF-8");
    } finally {
      parts = [];
    }
  };
  const isThere = ({ text }: NumberedLine): boolean => text.trim() !== "";
  for await (const item of stream) {
    const chunk = item as Uint8Array;
    let start = 0;
    for (let end = chunk.indexOf(endOfLine); end !== -1; end = chunk.indexOf(endOfLine, start)) {
      parts.push(chunk.subarray(start, end));
      start = end + 1;
      const whole = line();
      if (isThere(whole)) yield whole;
    }
    parts.push(chunk.subarray(start));
  }
  const last = line();
  if (isThere(last)) yield last;
}

function parseLine({ number, text }: NumberedLine): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Told below.
  }
  throw malformed(number, "it is no object of JSON");
}

/** What `Date` takes is more: it finds years in almost any text. */
const isTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

function entryOf(record: Readonly<Record<string, unknown>>, line: number): TransferEntry {
  const { key, operation, revision, value, base64, expiresAt } = record as Partial<EntryRecord>;
  if (!isKey(key)) throw malformed(line, "key is no key");
  if (operation !== "PUT" && operation !== "DEL" && operation !== "PURGE")
    throw malformed(line, "operation is unknown");
  if (!Number.isSafeInteger(revision) || Number(revision) < 1) throw malformed(line, "revision is no revision");
  const expiry = expiresAt === undefined ? undefined : new Date(expiresAt);
  const isRead = typeof expiresAt === "string" && isTime.test(expiresAt) && !Number.isNaN(expiry?.getTime());
  if (expiry !== undefined && !isRead) {
    throw malformed(line, "expiresAt is no time of ISO 8601");
  }
  const bytes = operation === "PUT" ? givenBytes(value, base64, line) : "";
  return { key, operation, revision: revision as number, value: bytes, length: bytes.length, expiresAt: expiry };
}

function givenBytes(value: unknown, base64: unknown, line: number): string | Uint8Array {
  // Half of a surrogate pair has no bytes.
  if (typeof value === "string" && value.isWellFormed() && base64 === undefined) return value;
  if (typeof base64 === "string" && value === undefined) {
    const bytes = Buffer.from(base64, "base64");
    if (bytes.toString("base64") === base64) return bytes;
  }
  throw malformed(line, "a PUT has a value, or base64");
}

function malformed(line: number | undefined, why: string): CommandError {
  return new CommandError(
    exitCode.failed,
    `${line === undefined ? "the export" : `line ${line} of the export`}: ${why}`,
  );
}
