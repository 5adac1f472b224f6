import assert from "node:assert/strict";
import { isKeyValueError } from "@revkv/api";

/** What became of a call, in one line that can be compared. */
async function outcomeOf(call: () => unknown): Promise<string> {
  try {
    return `resolves to ${JSON.stringify(await call())}`;
  } catch (error) {
    return `rejects with ${refusal(error)}`;
  }
}

/** The calls of a trace, made on an adapter and on the oracle. */
export class Comparison {
  /** What the adapter did, call by call. */
  readonly transcript: string[] = [];

  /** Asserts that the adapter does what the oracle does. */
  async same(what: string, actual: () => Promise<unknown>, expected: () => unknown): Promise<void> {
    const wanted = await outcomeOf(expected);
    const given = await outcomeOf(actual);
    this.transcript.push(`${what} ${given}`);
    // A store may be unable to tell which revision it found instead of the expected one (rule O4).
    const vague = wanted.replace(/ actual \S+/, " actual undefined");
    if (given !== vague) assert.equal(given, wanted, what);
  }
}

/** An error's code and data fields; whatever is no error of revkv passes through. */
function refusal(error: unknown): string {
  if (!isKeyValueError(error)) throw error;
  const { code } = error;
  if (isKeyValueError(error, "KEY_EXISTS")) return `${code}: key ${error.key} revision ${error.revision}`;
  if (isKeyValueError(error, "REVISION_MISMATCH")) {
    return `${code}: key ${error.key} expected ${error.expected} actual ${error.actual}`;
  }
  if (isKeyValueError(error, "REVISION_COMPACTED")) return `${code}: compactedTo ${error.compactedTo}`;
  return code;
}
