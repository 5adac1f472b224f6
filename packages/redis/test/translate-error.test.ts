import { Cluster, Redis } from "ioredis";
import { expect, test } from "vitest";
import { isPassing, translateError } from "../src/translate-error.ts";

/** What the client makes of the server's answer. */
function answer(message: string): Error {
  return Object.assign(new Error(message), { name: "ReplyError" });
}

test("errors of what a script calls mean the same before Redis 7.0, which puts its own words before them", () => {
  const before = "ERR Error running script (call to f_7f923f79fe76194c868d7e1d0820de36700eb649): @user_script:12: ";
  const said = "OOM command not allowed when used memory > 'maxmemory'.";
  for (const message of [said, `${before}${said}`, `${before}@user_script: 12: -${said}`]) {
    expect(translateError(answer(message), true)).toMatchObject({ code: "STORAGE_FULL" });
  }
  expect(isPassing(answer(`${before}@user_script: 12: -READONLY You can't write against a read only replica.`))).toBe(
    true,
  );
  expect(translateError(answer(`${before}WRONGTYPE Operation against a key`), true)).toMatchObject({
    code: "INCOMPATIBLE_STORAGE",
  });
  expect(translateError(answer("ERR something else"), true)).toMatchObject({ code: "INTERNAL" });
});

test("what the client says of a command that it has not sent is told in our words", async () => {
  const options = { enableOfflineQueue: false, lazyConnect: true, retryStrategy: null } as const;
  const nowhere = { host: "127.0.0.1", port: 1 };
  for (const client of [
    new Redis({ ...nowhere, ...options }),
    new Cluster([nowhere], { ...options, clusterRetryStrategy: () => null }),
  ]) {
    const cause: unknown = await client.get("a").catch((error: unknown) => error);
    expect(translateError(cause, true)).toMatchObject({
      code: "UNAVAILABLE",
      message: "the server cannot be reached: not connected",
      cause,
    });
    client.disconnect();
  }
});
