import type { KeyValueErrorCode } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import type { ExitCode } from "./exit-code.ts";
import { exitCode } from "./exit-code.ts";
import { UsageError } from "./usage-error.ts";

/** A failure with an exit code of its own, for what is no error of the storage. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(code: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = code;
  }
}

/** What was asked for is not there. */
export function notFound(message: string): CommandError {
  return new CommandError(exitCode.notFound, message);
}

const byCode: Partial<Record<KeyValueErrorCode, ExitCode>> = {
  INVALID_BUCKET_NAME: exitCode.usage,
  INVALID_KEY: exitCode.usage,
  INVALID_CONFIG: exitCode.usage,
  INVALID_ARGUMENT: exitCode.usage,
  BUCKET_NOT_FOUND: exitCode.notFound,
  BUCKET_EXISTS: exitCode.conflict,
  KEY_EXISTS: exitCode.conflict,
  REVISION_MISMATCH: exitCode.conflict,
};

/** The exit code for what a command has thrown. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode;
  if (error instanceof UsageError) return exitCode.usage;
  const { code } = (error ?? {}) as { readonly code?: KeyValueErrorCode };
  return (code !== undefined ? byCode[code] : undefined) ?? exitCode.failed;
}

/** What a command has thrown as one line, without the passwords of URLs; all there is to know with `REVKV_DEBUG`. */
export function describeError(error: unknown): string {
  if (process.env["REVKV_DEBUG"]) return withoutPasswords(error instanceof Error ? inspected(error) : String(error));
  const message = withOptionNames(error);
  // What an adapter's error is about is what lies behind it; the rest say all there is to say.
  const reason = exitCodeOf(error) === exitCode.failed && !isUnsupported(error) ? reasonOf(error) : undefined;
  const whole = reason === undefined || message.includes(reason) ? message : `${message}: ${reason}`;
  return withoutPasswords(whole.replaceAll(/\s*\n\s*/g, " ").trim());
}

/** The options that are not named like the setting of a bucket that they stand for, as `nats kv` has it. */
const optionOfSetting: Readonly<Record<string, string>> = {
  limitMarkerTtl: "--marker-ttl",
  maxValueSize: "--max-value-size",
  maxBytes: "--max-bucket-size",
};

/** The codes of errors that may be about settings. */
const ofSettings: ReadonlySet<string> = new Set(["INVALID_CONFIG", "INVALID_ARGUMENT", "UNSUPPORTED", "BUCKET_EXISTS"]);

/** What an error says, the settings in it named by their options; what is quoted is somebody's own. */
function withOptionNames(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!isKeyValueError(error) || !ofSettings.has(error.code)) return message;
  return message.replaceAll(/"(?:[^"\\]|\\.)*"|\w+/g, (part) => optionOfSetting[part] ?? part);
}

function isUnsupported(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === "UNSUPPORTED";
}

/** What lies behind an error, where that is more than the error itself says: the deepest cause that has a message. */
function reasonOf(error: unknown): string | undefined {
  let reason: string | undefined;
  let cause = (error as { readonly cause?: unknown } | null)?.cause;
  while (cause instanceof Error) {
    // Several addresses of a host were tried, and each has failed.
    const [first] = cause instanceof AggregateError ? (cause.errors as unknown[]) : [];
    reason = cause.message || (first instanceof Error ? first.message : undefined) || reason;
    cause = cause.cause;
  }
  return reason;
}

function inspected(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${inspected(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}

/** Takes who logs in, and with which password or token, out of the URLs in a text. */
export function withoutPasswords(text: string): string {
  return text
    .replaceAll(/(\w+:\/\/)[^\s"]*@/g, "$1…@")
    .replaceAll(/([?&]\w*(?:password|token|secret)\w*=)[^\s"&]*/gi, "$1…");
}
