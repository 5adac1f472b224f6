import type { KeyValue, KeyValueEntry } from "@revkv/api";
import { isKeyValueError, KeyExistsError, KeyValueError, RevisionMismatchError } from "@revkv/api";
import { onCalls, onRows, onWrites } from "./layers.ts";
import type { Mutant } from "./mutant.ts";
import { mutant } from "./mutant.ts";

/** The answer to a call that fails with this code. */
async function unless<T>(
  code: "INVALID_KEY" | "REVISION_MISMATCH" | "KEY_EXISTS",
  answer: Promise<T>,
  other: () => T | Promise<T>,
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!isKeyValueError(error, code)) throw error;
    return await other();
  }
}

async function newest(kv: KeyValue, key: string): Promise<KeyValueEntry | undefined> {
  return (await kv.history(key)).at(-1);
}

/** Adapters that are wrong about one key at a time (rules O1 to O8). */
export const oneKeyMutants: readonly Mutant[] = [
  mutant("O1", "cannot create over a marker", () =>
    onCalls((kv) => ({
      create: async (key, value, options) => {
        const entry = await newest(kv, key);
        if (entry !== undefined) throw new KeyExistsError(key, entry.revision);
        return await kv.create(key, value, options);
      },
    })),
  ),
  mutant("O1", "counts revisions from 0", () =>
    onCalls((kv) => ({ put: async (key, value, options) => (await kv.put(key, value, options)) - 1 })),
  ),
  mutant("O2", "gives the marker of a deleted key", () =>
    onCalls((kv) => ({
      get: async (key, options) => (await kv.get(key, options)) ?? (await newest(kv, key)) ?? null,
    })),
  ),
  mutant("O2", "gives a revision whatever key it belongs to", () =>
    onCalls((kv) => ({
      getRevision: async (key, revision, options) => {
        const entry = await kv.getRevision(key, revision, options);
        return (
          entry ??
          (await kv.history(">")).find((other) => other.revision === revision && other.operation === "PUT") ??
          null
        );
      },
    })),
  ),
  mutant("O2", "gives a marker for its revision", () =>
    onCalls((kv) => ({
      getRevision: async (key, revision, options) => {
        const entry = await kv.getRevision(key, revision, options);
        return entry ?? (await kv.history(key)).find((other) => other.revision === revision) ?? null;
      },
    })),
  ),
  mutant("O2", "finds nothing at revision 0 instead of refusing it", () =>
    onCalls((kv) => ({
      getRevision: async (key, revision, options) =>
        revision === 0 ? null : await kv.getRevision(key, revision, options),
    })),
  ),
  mutant("O3", "looks whether a key is live, and writes it in a second step", () =>
    onCalls((kv) => ({
      create: async (key, value, options) => {
        const entry = await kv.get(key);
        if (entry !== null) throw new KeyExistsError(key, entry.revision);
        await new Promise((resolve) => setImmediate(resolve));
        return await kv.put(key, value, options);
      },
    })),
  ),
  mutant("O3", "does not say which revision stands in the way of create", () =>
    onCalls((kv) => ({
      create: (key, value, options) =>
        unless("KEY_EXISTS", kv.create(key, value, options), () => {
          throw new KeyValueError("KEY_EXISTS", "it exists");
        }),
    })),
  ),
  mutant("O3", "overwrites with create", () =>
    onWrites((unit) => unit.map((write) => (write.expect === null ? { ...write, expect: undefined } : write))),
  ),
  mutant("O3", "cannot create a key that was deleted", () =>
    onCalls((kv) => ({
      create: async (key, value, options) => {
        const entry = await newest(kv, key);
        if (entry !== undefined) throw new KeyExistsError(key, entry.revision);
        return await kv.create(key, value, options);
      },
    })),
  ),
  mutant("O4", "takes a last revision of 0 for no condition", () =>
    onWrites((unit) => unit.map((write) => (write.expect === 0 ? { ...write, expect: undefined } : write))),
  ),
  mutant("O4", "takes a last revision of 0 for not live", () =>
    onWrites((unit) => unit.map((write) => (write.expect === 0 ? { ...write, expect: null } : write))),
  ),
  mutant("O4", "says another revision than the one that it found", () =>
    onCalls((kv) => ({
      update: (key, value, last, options) =>
        unless("REVISION_MISMATCH", kv.update(key, value, last, options), () => {
          throw new RevisionMismatchError(key, last, last + 1_000);
        }),
    })),
  ),
  mutant("O4", "compares with the newest value and not with the marker behind it", () =>
    onCalls((kv) => ({
      update: async (key, value, last, options) => {
        const history = await kv.history(key);
        const value_ = history.findLast(({ operation }) => operation === "PUT");
        return value_ !== undefined && value_.revision === last && history.at(-1) !== value_
          ? await kv.put(key, value, options)
          : await kv.update(key, value, last, options);
      },
    })),
  ),
  mutant("O4", "accepts any revision that the key has ever had", () =>
    onCalls((kv) => ({
      update: (key, value, last, options) =>
        unless("REVISION_MISMATCH", kv.update(key, value, last, options), async () => {
          const { lastRevision } = await kv.status();
          if (last === 0 || last > lastRevision || (await newest(kv, key)) === undefined) {
            throw new RevisionMismatchError(key, last, 0);
          }
          return await kv.put(key, value, options);
        }),
    })),
  ),
  mutant("O4", "takes a last revision that is none for no condition", () =>
    onCalls((kv) => ({
      update: (key, value, last, options) =>
        Number.isInteger(last) ? kv.update(key, value, last, options) : kv.put(key, value, options),
    })),
  ),
  mutant("O5", "takes undefined for no condition", () =>
    onCalls((kv) => ({
      delete: (key, options) =>
        kv.delete(
          key,
          options !== undefined && "lastRevision" in options && options.lastRevision === undefined ? {} : options,
        ),
    })),
  ),
  mutant("O5", "ignores the condition of a purge", () =>
    onWrites((unit) => unit.map((write) => (write.op === "purge" ? { ...write, expect: undefined } : write))),
  ),
  mutant("O5", "ignores the condition of a delete", () =>
    onWrites((unit) => unit.map((write) => (write.op === "delete" ? { ...write, expect: undefined } : write))),
  ),
  mutant("O6", "writes nothing when it deletes what is not there", () =>
    onCalls((kv) => ({
      delete: async (key, options) =>
        (await kv.get(key)) === null && options === undefined
          ? (await kv.status()).lastRevision
          : await kv.delete(key, options),
    })),
  ),
  mutant("O6", "resolves a purge to the revision that it purged", () =>
    onCalls((kv) => ({
      purge: async (key, options) => {
        const before = await newest(kv, key);
        const revision = await kv.purge(key, options);
        return before?.revision ?? revision;
      },
    })),
  ),
  mutant("O7", "leaves the newest value behind its purge marker", () => {
    const kept = new Map<string, KeyValueEntry>();
    return onCalls((kv) => ({
      purge: async (key, options) => {
        const entry = await kv.get(key);
        if (entry !== null) kept.set(key, entry);
        return await kv.purge(key, options);
      },
      history: async (filter, options) => {
        const entries = await kv.history(filter, options);
        const before = typeof filter === "string" ? kept.get(filter) : undefined;
        return before === undefined ? entries : [before, ...entries];
      },
    }));
  }),
  mutant("O7", "leaves no marker when it purges", () => onRows((row) => (row.operation === "PURGE" ? undefined : row))),
  mutant("O8", "counts the characters of a value as its length", () => ({
    entry: (entry) => ({ length: entry.string().length }),
  })),
  mutant("O8", "lets created go back", () => ({
    entry: (entry) => ({ created: new Date(entry.created.getTime() - entry.revision) }),
  })),
  mutant("O8", "gives null for JSON that is none", () => ({
    entry: (entry) => ({
      json: <T>() => {
        try {
          return entry.json<T>();
        } catch {
          return null as T;
        }
      },
    }),
  })),
  mutant("O8", "calls a purge a delete", () => ({
    entry: (entry) => ({ operation: entry.operation === "PURGE" ? "DEL" : entry.operation }),
  })),
  mutant("O8", "does not say when an entry expires", () => ({ entry: () => ({ expiresAt: undefined }) })),
  mutant("O8", "does not say which bucket an entry is of", () => ({ entry: () => ({ bucket: "" }) })),
];
