import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import type { NatsServer } from "../src/nats.ts";
import { startNats, startNatsCluster, testNats } from "../src/nats.ts";
import { until } from "../src/until.ts";
import { connected, exchange, received } from "./exchange.ts";

let server: NatsServer;
beforeAll(async () => {
  server = await startNats({ config: "max_payload: 4096" });
});
afterAll(() => server[Symbol.asyncDispose]());

/** The reply to a request, in JSON. */
async function request(port: number, subject: string, payload = ""): Promise<Record<string, unknown>> {
  const commands = [
    'CONNECT {"verbose":false}',
    "SUB reply 1",
    `PUB ${subject} reply ${Buffer.byteLength(payload)}`,
    payload,
    "",
  ];
  const text = await exchange(port, commands.join("\r\n"), /^MSG reply 1 .*\r\n.*\r\n/m);
  return JSON.parse(/^MSG reply 1 .*\r\n(.*)\r\n/m.exec(text)?.[1] ?? "") as Record<string, unknown>;
}

function createStream(port: number, name: string, replicas: number): Promise<Record<string, unknown>> {
  const config = { name, subjects: [name], num_replicas: replicas, storage: "file", retention: "limits" };
  return request(port, `$JS.API.STREAM.CREATE.${name}`, JSON.stringify(config));
}

test("it answers, with JetStream and the configuration asked for", async () => {
  const info = await exchange(server.port, "", /\r\n/);
  expect(JSON.parse(info.slice("INFO ".length))).toMatchObject({ jetstream: true, max_payload: 4096 });
});

test("it keeps its streams over a restart and over a kill", async () => {
  expect(await createStream(server.port, "kept", 1)).not.toHaveProperty("error");
  expect(await request(server.port, "kept", "1")).toMatchObject({ seq: 1 });
  await server.restart();
  expect(await request(server.port, "kept", "2")).toMatchObject({ seq: 2 });
  await server.kill();
  await expect(connected(server.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await server.restart();
  expect(await request(server.port, "kept", "3")).toMatchObject({ seq: 3 });
});

test("while it is paused it does not answer; afterwards it does", async () => {
  const socket = await connected(server.port);
  onTestFinished(() => void socket.destroy());
  await received(socket, /\r\n/);
  await server.pause();
  let isAnswered = false;
  const answer = received(socket, /\r\n/).then((text) => {
    isAnswered = true;
    return text;
  });
  socket.write('CONNECT {"verbose":false}\r\nPING\r\n');
  // A second server in the meantime: more time than an answer takes.
  const other = await startNats();
  await other[Symbol.asyncDispose]();
  expect(isAnswered).toBe(false);
  await server.resume();
  expect(await answer).toMatch(/PONG/);
});

test("a cluster keeps a stream on all of its nodes and survives the loss of one", async () => {
  const cluster = await startNatsCluster(3);
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const [first, second, third] = cluster.nodes as [NatsServer, NatsServer, NatsServer];
  expect(await createStream(first.port, "kept", 3)).not.toHaveProperty("error");
  // As long as a stream has no leader, as just after its creation, nobody answers.
  const put = async (): Promise<boolean> => "seq" in (await request(second.port, "kept", "1"));
  await until("a leader of the stream", put);
  await first.kill();
  await until("a leader after the loss of a node", put);
  await first.restart();
  await until("three nodes that are up to date", async () => {
    const { cluster } = await request(third.port, "$JS.API.STREAM.INFO.kept");
    const { replicas = [] } = cluster as { replicas?: { current: boolean }[] };
    return replicas.length === 2 && replicas.every(({ current }) => current);
  });
});

test("tests use the server that the environment names", async () => {
  vi.stubEnv("REVKV_TEST_NATS_URL", server.url);
  onTestFinished(() => void vi.unstubAllEnvs());
  const shared = await testNats();
  expect(shared.url).toBe(server.url);
  await shared[Symbol.asyncDispose]();
  expect(await exchange(server.port, "", /\r\n/)).toMatch(/^INFO /);
});

test("without one they get their own", async () => {
  vi.stubEnv("REVKV_TEST_NATS_URL", undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
  const shared = await testNats();
  onTestFinished(() => shared[Symbol.asyncDispose]());
  expect(await exchange(Number(new URL(shared.url).port), "", /\r\n/)).toMatch(/^INFO /);
});
