import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { TcpProxy } from "../src/tcp-proxy.ts";
import { startProxy } from "../src/tcp-proxy.ts";
import { connected, exchange, received } from "./exchange.ts";

/** A server behind a proxy, and what it has heard. It echoes, and ends a connection when its client does. */
async function proxied(): Promise<{ proxy: TcpProxy; accepted: Socket[]; heard: () => string }> {
  const accepted: Socket[] = [];
  let heard = "";
  const server = createServer((socket) => {
    accepted.push(socket);
    socket.on("error", () => {
      // Cut.
    });
    socket.on("data", (data) => {
      heard += data.toString();
    });
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy = await startProxy(server.address() as AddressInfo as { port: number });
  onTestFinished(async () => {
    await proxy[Symbol.asyncDispose]();
    server.close();
    await once(server, "close");
  });
  return { proxy, accepted, heard: () => heard };
}

async function client(proxy: TcpProxy): Promise<Socket> {
  const socket = await connected(proxy.port);
  onTestFinished(() => void socket.destroy());
  socket.write("hello\n");
  expect(await received(socket, /\n/)).toBe("hello\n");
  return socket;
}

/** Long enough for bytes to arrive that are under way: a connection that is not held echoes meanwhile. */
async function roundTrip(): Promise<void> {
  const { proxy } = await proxied();
  for (let count = 0; count < 5; count += 1) await exchange(proxy.port, "passed\n", /\n/);
}

test("it forwards both ways, also more than fits into its buffers, and the end", async () => {
  const { proxy } = await proxied();
  const socket = await client(proxy);
  const text = `${"0123456789".repeat(500_000)}\n`;
  socket.end(text);
  expect(await received(socket, /\n/)).toBe(text);
  await once(socket, "end");
});

test("cut resets both ends, and new connections are served", async () => {
  const { proxy, accepted } = await proxied();
  const socket = await client(proxy);
  expect(proxy.connections).toBe(1);
  const ends = [socket, ...accepted].map((end) => once(end, "close").catch((error: unknown) => error));
  proxy.cut();
  for (const error of await Promise.all(ends)) expect(error).toMatchObject({ code: "ECONNRESET" });
  await client(proxy);
  expect(proxy.connections).toBe(1);
});

test("what is held comes after the release, once and in order", async () => {
  const { proxy, heard } = await proxied();
  const socket = await client(proxy);
  proxy.hold();
  socket.write("first\n");
  await roundTrip();
  expect(heard()).toBe("hello\n");
  const answer = received(socket, /second\n/);
  proxy.release();
  socket.write("second\n");
  expect(await answer).toBe("first\nsecond\n");
});

test("held one way, the server hears and its answers stay away", async () => {
  const { proxy, accepted, heard } = await proxied();
  const socket = await client(proxy);
  proxy.hold("to-client");
  let answers = "";
  const answer = received(socket, /\n/).then((text) => {
    answers = text;
  });
  const arrived = received(accepted[0] as Socket, /\n/);
  socket.write("one way\n");
  await arrived;
  await roundTrip();
  expect(heard()).toBe("hello\none way\n");
  expect(answers).toBe("");
  proxy.release();
  await answer;
  expect(answers).toBe("one way\n");
});

test("held the other way, the server goes on talking and hears nothing", async () => {
  const { proxy, accepted, heard } = await proxied();
  const socket = await client(proxy);
  proxy.hold("to-server");
  socket.write("unheard\n");
  const pushed = received(socket, /\n/);
  accepted[0]?.write("pushed\n");
  expect(await pushed).toBe("pushed\n");
  await roundTrip();
  expect(heard()).toBe("hello\n");
});

test("a held proxy takes new connections, and forwards them when released", async () => {
  const { proxy, heard } = await proxied();
  proxy.hold();
  const socket = await connected(proxy.port);
  onTestFinished(() => void socket.destroy());
  socket.write("early\n");
  await roundTrip();
  expect(heard()).toBe("");
  const answer = received(socket, /\n/);
  proxy.release();
  expect(await answer).toBe("early\n");
});

test("a held proxy swallows the end of a connection until it is released", async () => {
  const { proxy, accepted } = await proxied();
  const socket = await client(proxy);
  proxy.hold();
  socket.end();
  const ended = once(accepted[0] as Socket, "end");
  await roundTrip();
  expect(accepted[0]?.readableEnded).toBe(false);
  proxy.release();
  await ended;
});

test("refused clients get ECONNREFUSED, and those that are there stay", async () => {
  const { proxy } = await proxied();
  const socket = await client(proxy);
  proxy.refuse();
  await expect(connected(proxy.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  socket.write("still here\n");
  expect(await received(socket, /\n/)).toBe("still here\n");
  await proxy.accept();
  await client(proxy);
  expect(proxy.connections).toBe(2);
});

test("where no server listens, clients are reset", async () => {
  const { proxy } = await proxied();
  const nowhere = await startProxy({ port: proxy.port });
  onTestFinished(() => nowhere[Symbol.asyncDispose]());
  proxy.refuse();
  const socket = await connected(nowhere.port);
  await expect(once(socket, "close")).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(nowhere.connections).toBe(0);
});
