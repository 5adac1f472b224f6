import { createReadStream } from "node:fs";
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
export async function readExport(file: string | undefined): Promise<Import> {
  const lines = numberedLines(file === undefined ? process.stdin : createReadStream(file));
  const first = await lines.next();
  const header = first.done ? undefined : (parseLine(first.value) as Partial<ExportHeader>);
  if (header?.type !== "revkv-export") throw malformed(1, 'an export begins with a line of type "revkv-export"');
  if (header.version !== 1 || typeof header.config !== "object") {
    throw malformed(1, "it was written by a newer version of revkv");
  }
  return { header: header as ExportHeader, entries: readEntries(lines) };
}

async function* readEntries(lines: AsyncGenerator<NumberedLine, void>): AsyncGenerator<TransferEntry, void> {
  let count = 0;
  for await (const line of lines) {
    const record = parseLine(line);
    if (record["type"] === "end") {
      if (record["entries"] === count) return;
      throw malformed(
        line.number,
        `it ends after ${count} entries, and says that there are ${String(record["entries"])}`,
      );
    }
    yield entryOf(record, line.number);
    count += 1;
  }
  throw malformed(undefined, `it is cut short after ${count} entries: its last line is missing`);
}

interface NumberedLine {
  readonly number: number;
  readonly text: string;
}

async function* numberedLines(stream: AsyncIterable<unknown>): AsyncGenerator<NumberedLine, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let number = 0;
  let rest = "";
  for await (const chunk of stream) {
    let text: string;
    try {
      text = decoder.decode(chunk as Uint8Array, { stream: true });
    } catch {
      throw malformed(number + 1, "it is no UTF-8");
    }
    const parts = text.split("\n");
    // A long line comes in many chunks, which are only joined.
    parts[0] = rest + (parts[0] ?? "");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      number += 1;
      if (part.trim() !== "") yield { number, text: part };
    }
  }
  if (rest.trim() !== "") yield { number: number + 1, text: rest };
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

function entryOf(record: Readonly<Record<string, unknown>>, line: number): TransferEntry {
  const { key, operation, revision, value, base64, expiresAt } = record as Partial<EntryRecord>;
  if (!isKey(key)) throw malformed(line, "key is no key");
  if (operation !== "PUT" && operation !== "DEL" && operation !== "PURGE")
    throw malformed(line, "operation is unknown");
  if (!Number.isSafeInteger(revision)) throw malformed(line, "revision is no revision");
  const expiry = expiresAt === undefined ? undefined : new Date(expiresAt);
  if (Number.isNaN(expiry?.getTime())) throw malformed(line, "expiresAt is no date");
  const bytes = operation === "PUT" ? givenBytes(value, base64, line) : "";
  return { key, operation, revision: revision as number, value: bytes, length: bytes.length, expiresAt: expiry };
}

function givenBytes(value: unknown, base64: unknown, line: number): string | Uint8Array {
  if (typeof value === "string" && base64 === undefined) return value;
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
