import type { Command } from "commander";

/** A verb: what is to be known to list it; the rest is loaded when it is used. */
export interface Verb {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** Under which heading it is listed. */
  readonly group: "Buckets:" | "Keys:" | "Between stores:" | "Stores:" | "This machine:";
  /** Adds its arguments, options and action to the command. */
  load(): Promise<{ define(command: Command): void }>;
}

export const verbs: readonly Verb[] = [
  { name: "add", aliases: ["new"], group: "Buckets:", summary: "add a bucket", load: () => import("./verbs/add.ts") },
  { name: "edit", group: "Buckets:", summary: "change a bucket's config", load: () => import("./verbs/edit.ts") },
  {
    name: "info",
    aliases: ["status", "view"],
    group: "Buckets:",
    summary: "show what a bucket, or the store, is and holds",
    load: () => import("./verbs/info.ts"),
  },
  {
    name: "ls",
    aliases: ["list"],
    group: "Buckets:",
    summary: "list buckets, or the keys in a bucket",
    load: () => import("./verbs/ls.ts"),
  },
  { name: "count", group: "Buckets:", summary: "count the keys in a bucket", load: () => import("./verbs/count.ts") },
  {
    name: "compact",
    group: "Buckets:",
    summary: "remove keys that were deleted for good",
    load: () => import("./verbs/compact.ts"),
  },
  { name: "get", group: "Keys:", summary: "get the value of a key", load: () => import("./verbs/get.ts") },
  { name: "put", group: "Keys:", summary: "put a value into a key", load: () => import("./verbs/put.ts") },
  {
    name: "create",
    group: "Keys:",
    summary: "put a value into a key that has none",
    load: () => import("./verbs/create.ts"),
  },
  {
    name: "update",
    group: "Keys:",
    summary: "put a value into a key that is still at a revision",
    load: () => import("./verbs/update.ts"),
  },
  {
    name: "del",
    aliases: ["rm"],
    group: "Keys:",
    summary: "delete a key, many keys, or a bucket",
    load: () => import("./verbs/del.ts"),
  },
  {
    name: "purge",
    group: "Keys:",
    summary: "delete a key, or many, together with their history",
    load: () => import("./verbs/purge.ts"),
  },
  { name: "history", group: "Keys:", summary: "show the history of a key", load: () => import("./verbs/history.ts") },
  {
    name: "revert",
    group: "Keys:",
    summary: "put the value that a key had at a revision",
    load: () => import("./verbs/revert.ts"),
  },
  {
    name: "watch",
    group: "Keys:",
    summary: "show what is there, then every change",
    load: () => import("./verbs/watch.ts"),
  },
  {
    name: "export",
    group: "Between stores:",
    summary: "write a bucket, history included, as lines of JSON",
    load: () => import("./verbs/export.ts"),
  },
  {
    name: "import",
    group: "Between stores:",
    summary: "read what export has written",
    load: () => import("./verbs/import.ts"),
  },
  {
    name: "copy",
    group: "Between stores:",
    summary: "copy a bucket, history included, to any store",
    load: () => import("./verbs/copy.ts"),
  },
  {
    name: "mirror",
    group: "Between stores:",
    summary: "copy a bucket and follow its changes",
    load: () => import("./verbs/mirror.ts"),
  },
  {
    name: "doctor",
    group: "Stores:",
    summary: "look whether a store is as it should be, and say what to do",
    load: () => import("./verbs/doctor.ts"),
  },
  {
    name: "bench",
    group: "Stores:",
    summary: "measure a store, in a bucket of its own",
    load: () => import("./verbs/bench.ts"),
  },
  {
    name: "completion",
    group: "This machine:",
    summary: "print the script that completes commands in a shell",
    load: () => import("./verbs/completion.ts"),
  },
];
