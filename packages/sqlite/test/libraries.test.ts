import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { later, open, temporaryFile } from "./open.ts";

const drivers = ["better-sqlite3", "node:sqlite"] as const;

test.each(drivers)(
  "what %s has open, no other library opens in the same process until it is closed",
  async (driver) => {
    const file = await temporaryFile();
    const other = drivers.find((name) => name !== driver);
    const [first, second] = [await open({ file, driver }), await open({ file, driver })];
    await first.close();
    await expect(connect({ file, driver: other })).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await expect(connect({ file, driver: other, readOnly: true })).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await second.createKeyValue({ bucket: "b" });
    await second.close();
    await (await open({ file, driver: other })).keyValue("b");
  },
);

test("a Database of the application counts as better-sqlite3", async () => {
  const file = await temporaryFile();
  const database = new Database(file, { timeout: 0 });
  later(() => database.close());
  const manager = await open({ file, driver: "node:sqlite" });
  await expect(connect({ database })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  await manager.close();
  await open({ database });
  await expect(connect({ file, driver: "node:sqlite" })).rejects.toMatchObject({ code: "UNSUPPORTED" });
});

test("connections that are opened at the same time by both libraries are not both kept", async () => {
  const file = await temporaryFile();
  const outcomes = await Promise.allSettled(drivers.map((driver) => open({ file, driver })));
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
});
