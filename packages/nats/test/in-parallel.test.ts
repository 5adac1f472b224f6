import { expect, test } from "vitest";
import { inParallel } from "../src/in-parallel.ts";

/** Work that ends when it is told to. */
function tasks(): {
  readonly begun: number[];
  work: (item: number) => Promise<void>;
  end: (item: number, error?: Error) => void;
} {
  const begun: number[] = [];
  const running = new Map<number, PromiseWithResolvers<void>>();
  return {
    begun,
    work: (item) => {
      begun.push(item);
      const ended = Promise.withResolvers<void>();
      running.set(item, ended);
      return ended.promise;
    },
    end: (item, error) => (error === undefined ? running.get(item)?.resolve() : running.get(item)?.reject(error)),
  };
}

test("so many are worked on at a time, and each once", async () => {
  const { begun, work, end } = tasks();
  const all = inParallel([1, 2, 3], 2, work);
  expect(begun).toEqual([1, 2]);
  end(2);
  await expect.poll(() => begun).toEqual([1, 2, 3]);
  end(1);
  end(3);
  await all;
  expect(begun).toEqual([1, 2, 3]);
});

test("when one fails no other is begun, and it rejects when those that were begun have ended", async () => {
  const { begun, work, end } = tasks();
  let hasEnded = false;
  const all = inParallel([1, 2, 3, 4], 2, work).finally(() => {
    hasEnded = true;
  });
  const rejected = expect(all).rejects.toThrow("the first");
  end(1, new Error("the first"));
  await new Promise(setImmediate);
  expect(hasEnded).toBe(false);
  end(2);
  await rejected;
  expect(begun).toEqual([1, 2]);
});
