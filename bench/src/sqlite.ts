import KeyvSqlite from "@keyv/sqlite";
import { connect } from "@revkv/sqlite";
import { createDatabase } from "db0";
import betterSqlite3 from "db0/connectors/better-sqlite3";
import db0Driver from "unstorage/drivers/db0";
import type { Aim, Comparison, Row } from "./comparison.ts";
import { diskLatency } from "./disk.ts";
import { keyv, unstorage } from "./peers.ts";
import { databaseFile, pragmas, rawBetterSqlite3, rawNodeSqlite } from "./raw-sqlite.ts";
import { revkv } from "./revkv.ts";
import { idleShare } from "./sqlite-idle.ts";
import type { Kind, Subject } from "./store.ts";
import type { TaskName } from "./tasks.ts";

function ours(driver: "better-sqlite3" | "node:sqlite"): Subject {
  return revkv(`revkv, ${driver}`, ({ variant }) =>
    connect({ file: databaseFile(), driver, synchronous: variant === "NORMAL" ? "normal" : "full" }),
  );
}

const onBetterSqlite3: Subject = ours("better-sqlite3");
const onNodeSqlite: Subject = ours("node:sqlite");

const keyvSqlite: Subject = keyv("keyv", async (setup) => {
  const store = new KeyvSqlite({ uri: `sqlite://${databaseFile()}`, driver: "better-sqlite3" });
  // It takes what begins with PRAGMA for a query, which a setting is not.
  for (const pragma of pragmas(setup)) await store.query(`/* setting */ ${pragma}`);
  return { store };
});

const unstorageDb0: Subject = unstorage(async (setup) => {
  const database = createDatabase(betterSqlite3({ path: databaseFile() }));
  for (const pragma of pragmas(setup)) await database.exec(pragma);
  return db0Driver({ database });
});

/** Each of ours, and the same driver used by itself. */
const ownPairs: readonly (readonly [Subject, Subject])[] = [
  [onBetterSqlite3, rawBetterSqlite3],
  [onNodeSqlite, rawNodeSqlite],
];

const about = `- **revkv**: \`@revkv/sqlite\` on a file, on each of its drivers, a bucket with history 1. \`get\` includes reading the value.
- **raw**: the same driver by itself, with the same pragmas: prepared statements on \`kv(key TEXT PRIMARY KEY, value BLOB)\`,
  \`put\` an upsert that commits by itself, "64 at once" one transaction of 64 upserts, \`get\` a select by key. No revision,
  no log that others could watch.
- **keyv**: with \`@keyv/sqlite\` on better-sqlite3; **unstorage**: with its db0 driver on better-sqlite3; the same pragmas.
- FULL and NORMAL are \`synchronous\`: whether a put waits for the disk. Values have 128 bytes. Keys are drawn at random.`;

const smallest = 1_000;
const largest = 1_000_000;
const kinds: readonly Kind[] = ["string", "bytes"];

function row(task: TaskName, variant: "FULL" | "NORMAL", kind: Kind): Row {
  return { task, kind, size: smallest, variant };
}

function growing(task: "put" | "get", size: number): Row {
  return { task, kind: "string", size, variant: "NORMAL", only: ownPairs.flat() };
}

function nameOf(kind: Kind): string {
  return kind === "string" ? "strings" : "bytes";
}

/** The aims of one of ours, beside its driver used by itself. */
function aimsOf([our, raw]: readonly [Subject, Subject]): readonly Aim[] {
  const speed = (what: string, of: Row, atLeast: number, other: Row = of): Aim => ({
    what: `${our.name}: ${what}`,
    figure: (results) => results.speed(of, our.name, raw.name, other),
    atLeast,
  });
  return [
    ...kinds.flatMap((kind) => [
      speed(`get of ${nameOf(kind)}, times raw`, row("get", "NORMAL", kind), 0.6),
      speed(`put of ${nameOf(kind)} on FULL, times raw`, row("put", "FULL", kind), 0.8),
      speed(`put of ${nameOf(kind)} on NORMAL, times raw`, row("put", "NORMAL", kind), 0.8),
      speed(
        `64 puts of ${nameOf(kind)} at once on FULL, times a raw transaction of 64`,
        row("put, 64 at once", "FULL", kind),
        0.6,
      ),
      speed(
        `64 puts of ${nameOf(kind)} at once on FULL, times raw puts one by one`,
        row("put, 64 at once", "FULL", kind),
        5,
        row("put", "FULL", kind),
      ),
    ]),
    ...(["put", "get"] as const).map(
      (task): Aim => ({
        what: `${our.name}: ${task} on NORMAL, growth of the time from 1,000 to 1,000,000 keys, times the growth of raw's`,
        figure: (results) => {
          const [from, to] = [row(task, "NORMAL", "string"), growing(task, largest)];
          return results.growth(from, to, our.name) / results.growth(from, to, raw.name);
        },
        atMost: 1.5,
      }),
    ),
  ];
}

const comparison: Comparison = {
  title: "@revkv/sqlite",
  about,
  packages: ["@revkv/sqlite", "better-sqlite3", "keyv", "@keyv/sqlite", "unstorage", "db0"],
  subjects: [onBetterSqlite3, rawBetterSqlite3, onNodeSqlite, rawNodeSqlite, keyvSqlite, unstorageDb0],
  pairs: [...ownPairs, [onBetterSqlite3, keyvSqlite], [onBetterSqlite3, unstorageDb0]],
  valueBytes: 128,
  rows: [
    ...kinds.map((kind) => row("get", "NORMAL", kind)),
    ...kinds.map((kind) => row("get, 64 at once", "NORMAL", kind)),
    ...kinds.map((kind) => row("put", "FULL", kind)),
    ...kinds.map((kind) => row("put, 64 at once", "FULL", kind)),
    ...kinds.map((kind) => row("put", "NORMAL", kind)),
    ...kinds.map((kind) => row("put, 64 at once", "NORMAL", kind)),
    growing("get", largest),
    growing("put", largest),
  ],
  aims: ownPairs.flatMap(aimsOf),
  more: async () => `${diskLatency()}\n${await idleShare()}`,
};

export default comparison;
