import { jetstream } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect as connectNats } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { apiError } from "../src/translate-error.ts";
import { open, server } from "./open.ts";

test("B10: a bucket that another client has limited is full by the server's own measure, and says so", async () => {
  const { url } = await server();
  const connection = await connectNats({ servers: url });
  onTestFinished(() => connection.close());
  await new Kvm(jetstream(connection)).create("b", { max_bytes: 1000 });
  const kv = await (await open(url)).keyValue("b");
  await kv.put("a", "x".repeat(700));
  await expect(kv.put("b", "x".repeat(700))).rejects.toMatchObject({ code: "BUCKET_FULL" });
  expect(await kv.keys()).toEqual(["a"]);
});

test("what keeps the store from taking a message is told by the server's words only", () => {
  const said = (description: string): unknown => apiError({ code: 503, err_code: 10077, description }).code;
  expect(said("maximum bytes exceeded")).toBe("BUCKET_FULL");
  expect(said("write /data/jetstream/msgs/1.blk: no space left on device")).toBe("STORAGE_FULL");
  expect(said("store is closed")).toBe("INTERNAL");
});
