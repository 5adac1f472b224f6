import type { KeyValue, KeyValueConfig } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { startPostgres } from "@revkv/servers/postgres";
import { expect, test } from "vitest";
import { byteaArray, numberArray, textArray } from "../src/arrays.ts";
import { Statements } from "../src/statements.ts";
import { emptyDatabase, later, open, poolOf } from "./open.ts";

/** Draws numbers below `limit`, the same ones in every run. */
function draws(): (limit: number) => number {
  let state = 1;
  return (limit) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % limit;
  };
}

/** A write by its effect: a value of some length, a delete, or a create. */
interface Step {
  readonly key: string;
  readonly op: "put" | "delete" | "create";
  readonly value: string;
}

/** What a key has, oldest first, and what each step gives, when they are carried out one after the other. */
class Model {
  readonly entries: Map<string, string[]> = new Map();
  readonly #history: number;
  readonly #longest: number;
  #head = 0;

  constructor(history: number, longest: number) {
    this.#history = history;
    this.#longest = longest;
  }

  step({ key, op, value }: Step): string {
    const kept = this.entries.get(key) ?? [];
    if (op === "create" && kept.at(-1)?.includes("PUT")) return "KEY_EXISTS";
    if (op !== "delete" && value.length > this.#longest) return "VALUE_TOO_LARGE";
    this.#head += 1;
    kept.push(op === "delete" ? `${this.#head} DEL ` : `${this.#head} PUT ${value}`);
    this.entries.set(key, kept.slice(-this.#history));
    return String(this.#head);
  }
}

async function carryOut(kv: KeyValue, { key, op, value }: Step): Promise<string> {
  try {
    return String(await (op === "delete" ? kv.delete(key) : kv[op](key, value)));
  } catch (error) {
    if (isKeyValueError(error)) return error.code;
    throw error;
  }
}

test.for<[string, Partial<KeyValueConfig>, Step["op"][]]>([
  ["puts", {}, ["put"]],
  ["puts, with history", { history: 3 }, ["put"]],
  ["puts and deletes", {}, ["put", "put", "delete"]],
  ["puts and deletes, with history", { history: 3 }, ["put", "put", "delete"]],
  ["values that may be too long", { maxValueSize: 8 }, ["put", "put", "delete"]],
  ["conditions among them", { history: 3 }, ["put", "create", "delete", "put"]],
])("writes carried out together give what they give one by one: %s", async ([, config, ops]) => {
  const manager = await open(await emptyDatabase());
  const kv = await manager.createKeyValue({ bucket: "b", ...config });
  const model = new Model(config.history ?? 1, config.maxValueSize ?? 100);
  const draw = draws();
  for (let round = 0; round < 60; round += 1) {
    // Few keys, so that many come several times, and more of them as rounds go by, so that some are new.
    const steps = Array.from({ length: 1 + draw(40) }, (): Step => {
      const key = `k.${draw(4 + round)}`;
      return { key, op: ops[draw(ops.length)] as Step["op"], value: "v".repeat(draw(draw(20) === 0 ? 12 : 8)) };
    });
    const given = await Promise.all(steps.map((step) => carryOut(kv, step)));
    expect(given).toEqual(steps.map((step) => model.step(step)));
  }
  const kept = await kv.history(">");
  expect(kept.map((entry) => `${entry.key} ${entry.revision} ${entry.operation} ${entry.string()}`)).toEqual(
    [...model.entries]
      .flatMap(([key, entries]) => entries.map((entry) => `${key} ${entry}`))
      .toSorted((one, other) => Number(one.split(" ")[1]) - Number(other.split(" ")[1])),
  );
});

// A plan is made once, for what the table is then: with 250 entries the index of keys is deeper than that of revisions.
test.for([0, 250])(
  "the index of keys does not grow with overwrites, vacuum or not: %i entries at first",
  async (entries) => {
    // Nobody else is there: what any transaction of the server may still see is not removed.
    const server = await startPostgres({ fsync: false, settings: { autovacuum: "off" } });
    later(() => server[Symbol.asyncDispose]());
    const manager = await open(server.url);
    await manager.createKeyValue({ bucket: "b" });
    await manager.close();
    const pool = poolOf(server.url, { max: 1, options: "-c plan_cache_mode=force_generic_plan" });
    await pool.query(
      `INSERT INTO revkv.entry (revision, created, bucket_id, op, key)
      SELECT g, 1, 1, 0, 'some.other.prefix.' || g FROM generate_series(1, $1::int) g`,
      [entries],
    );
    const size = async (): Promise<number> => {
      const { rows } = await pool.query("SELECT pg_relation_size('revkv.entry_key')::integer AS size");
      return rows[0].size;
    };
    const { text } = new Statements("revkv").query.commit;
    const hundred = Array.from({ length: 100 }, (_, index) => index);
    const keys = textArray(hundred.map((index) => `some.longer.prefix.${index}`));
    const values = byteaArray(hundred.map(() => "x"));
    const overwrite = async (rounds: number): Promise<void> => {
      const parameters = [1, null, null, keys, values, null, null, numberArray(hundred.map(() => 0)), 1000];
      for (; rounds > 0; rounds -= 1) await pool.query(text, parameters);
    };
    await overwrite(20);
    const before = await size();
    await overwrite(200);
    expect(await size()).toBeLessThan(2 * before);
  },
);
