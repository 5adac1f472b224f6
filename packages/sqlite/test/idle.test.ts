import Database from "better-sqlite3";
import { afterEach, expect, test, vi } from "vitest";
import { later, open, temporaryFile } from "./open.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** How often SQLite is asked for changes in a minute in which nothing happens. */
async function looks(watchers: number): Promise<number> {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
  const database = new Database(await temporaryFile(), { timeout: 0 });
  later(() => database.close());
  database.pragma("journal_mode = WAL");
  let count = 0;
  const prepare = database.prepare.bind(database);
  vi.spyOn(database, "prepare").mockImplementation((sql) => {
    const statement = prepare(sql);
    if (!/data_version/.test(sql)) return statement;
    const get = statement.get.bind(statement);
    statement.get = (...values) => {
      count += 1;
      return get(...values);
    };
    return statement;
  });
  const manager = await open({ database });
  for (let index = 0; index < watchers; index += 1) {
    const kv = await manager.createKeyValue({ bucket: `b${index % 10}` });
    const entries = (await kv.watch(index % 2 === 0 ? ">" : `key.${index}`))[Symbol.asyncIterator]();
    expect((await entries.next()).value).toBeNull();
    void entries.next();
  }
  count = 0;
  await vi.advanceTimersByTimeAsync(60_000);
  await manager.close();
  return count;
}

test("a hundred watchers that wait share one look at the file, every 40 ms", async () => {
  const one = await looks(1);
  // The sweeper looks a little more often after each bucket that was created.
  expect(await looks(100)).toBeLessThan(one * 1.05);
  expect(one).toBeGreaterThanOrEqual(60_000 / 40);
  expect(one).toBeLessThan((60_000 / 40) * 1.2);
});
