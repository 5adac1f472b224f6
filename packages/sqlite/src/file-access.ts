import type { Stats } from "node:fs";
import { closeSync, constants, openSync, readlinkSync, realpathSync } from "node:fs";
import { access, open, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { KeyValueError } from "@revkv/api";

/** What SQLite keeps beside a database that has a write-ahead log. */
const companions = ["-wal", "-shm"];

/**
 * Where a path leads to, through symbolic links, also to a file that is not there yet: SQLite keeps its files beside that
 * one.
 */
export function destination(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") return path;
  }
  try {
    // What stands in a link begins where the link is, not where the path that led to it says.
    return destination(resolve(realpathSync(dirname(path)), readlinkSync(path)));
  } catch {
    return path;
  }
}

/**
 * Looks at what a path leads to before SQLite does; tells whether that is nothing, or an empty file.
 *
 * @throws `INCOMPATIBLE_STORAGE` for what cannot be a database, `PERMISSION_DENIED` when reading would lock the owner out
 */
export async function checkAccess(file: string): Promise<boolean> {
  let stats: Stats;
  try {
    stats = await stat(file);
  } catch {
    return true;
  }
  // SQLite takes a single byte for an empty file, and would overwrite it.
  if (!stats.isFile() || stats.size === 1) throw new KeyValueError("INCOMPATIBLE_STORAGE", `${file} is no database`);
  if (stats.size > 0) await checkCompanions(file, stats);
  return stats.size === 0;
}

/** Creates a file like SQLite would, unless there is one; why it cannot be created SQLite tells when it opens it. */
export function createEmpty(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o644));
  } catch {
    // There is one, or there can be none.
  }
}

/**
 * Whoever may only read has SQLite create what is missing beside the database as files of their own, to which its owner
 * could not write.
 */
async function checkCompanions(file: string, { uid }: Stats): Promise<void> {
  const user = process.geteuid?.();
  if (user === undefined || user === 0 || user === uid || (await isAllowed(file, constants.W_OK))) return;
  const there = await Promise.all(companions.map((suffix) => isAllowed(`${file}${suffix}`, constants.F_OK)));
  if (there.every(Boolean) || !(await hasLog(file))) return;
  throw new KeyValueError(
    "PERMISSION_DENIED",
    `${file} can be read by others than its owner only while somebody who may write to it has it open`,
  );
}

/** Tells whether a database has a write-ahead log, by its header. Nobody in this process has it open: it would have one. */
async function hasLog(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(new Uint8Array(2), 0, 2, 18);
    return buffer[0] === 2 || buffer[1] === 2;
  } finally {
    await handle.close();
  }
}

async function isAllowed(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

/** Says why a file cannot be opened, which SQLite does not. */
export async function openingError(file: string, readOnly: boolean, error: KeyValueError): Promise<KeyValueError> {
  if (!["UNAVAILABLE", "READ_ONLY", "INTERNAL"].includes(error.code)) return error;
  const directory = dirname(file);
  try {
    // With the slash a file is no directory.
    await access(`${directory}/`, constants.X_OK);
  } catch (cause) {
    if (isDenied(cause)) return denied(`the directory ${directory} is not accessible`, error);
    return new KeyValueError("UNAVAILABLE", `the directory ${directory} is not there`, { cause });
  }
  try {
    if (await isAllowed(file, constants.F_OK)) await access(file, constants.R_OK);
    else if (readOnly) return new KeyValueError("UNAVAILABLE", `there is no file ${file}`, { cause: error });
    await access(directory, constants.W_OK);
  } catch (cause) {
    if (!isDenied(cause)) return error;
    return denied(`no permission for ${file}, or to create the files that SQLite keeps beside it`, error);
  }
  return error;
}

/** Tells whether the operating system allows something to nobody, or not to this user. */
function isDenied(error: unknown): boolean {
  return ["EACCES", "EPERM", "EROFS"].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return `${(error as { readonly code?: unknown }).code}`;
}

function denied(message: string, cause: KeyValueError): KeyValueError {
  return new KeyValueError("PERMISSION_DENIED", message, { cause });
}
