import { expect, onTestFinished, test, vi } from "vitest";
import type { Wait } from "../src/adapter/deadlines.ts";
import { Deadlines } from "../src/adapter/deadlines.ts";

function open(timeout: number): { deadlines: Deadlines; late: string[]; wait: (name: string) => Wait } {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const late: string[] = [];
  const wait = (name: string): Wait => ({
    deadline: 0,
    previous: undefined,
    next: undefined,
    isBackground: false,
    late: () => late.push(name),
  });
  return { deadlines: new Deadlines(timeout), late, wait };
}

test("E3: each wait ends at its own deadline, unless it has ended before or was given its time again", () => {
  const { deadlines, late, wait } = open(1000);
  const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(wait) as [Wait, Wait, Wait, Wait, Wait];
  for (const begun of [a, b, c, d]) {
    deadlines.begin(begun);
    vi.advanceTimersByTime(100);
  }
  deadlines.end(b);
  deadlines.renew(c);
  deadlines.renew(b);
  vi.advanceTimersByTime(599);
  expect(late).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(late).toEqual(["a"]);
  deadlines.begin(e);
  deadlines.end(e);
  deadlines.end(e);
  vi.advanceTimersByTime(300);
  expect(late).toEqual(["a", "d"]);
  vi.advanceTimersByTime(100);
  expect(late).toEqual(["a", "d", "c"]);
  deadlines.begin(e);
  vi.advanceTimersByTime(999);
  expect(late).toEqual(["a", "d", "c"]);
  vi.advanceTimersByTime(1);
  expect(late).toEqual(["a", "d", "c", "e"]);
});

test("E3: what is begun when another wait ends delays none of the rest", () => {
  const { deadlines, late, wait } = open(1000);
  const [a, b, c] = ["a", "b", "c"].map(wait) as [Wait, Wait, Wait];
  deadlines.begin({ ...a, late: () => deadlines.begin(c) });
  vi.advanceTimersByTime(100);
  deadlines.begin(b);
  vi.advanceTimersByTime(1000);
  expect(late).toEqual(["b"]);
  vi.advanceTimersByTime(900);
  expect(late).toEqual(["b", "c"]);
});

test("one timer is set, however many waits begin and end", () => {
  const { deadlines, wait } = open(1000);
  for (let count = 0; count < 100; count += 1) {
    const begun = wait("");
    deadlines.begin(begun);
    if (count % 2 === 0) deadlines.end(begun);
  }
  expect(vi.getTimerCount()).toBe(1);
});

test.each([true, false])(
  "W9: a process is kept running only by waits in the foreground; background: %s",
  (isBackground) => {
    const deadlines = new Deadlines(60_000);
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    const begun: Wait = { deadline: 0, previous: undefined, next: undefined, isBackground, late: () => undefined };
    for (let count = 0; count < 2; count += 1) {
      deadlines.begin(begun);
      expect(timers() - before).toBe(isBackground ? 0 : 1);
      deadlines.end(begun);
      expect(timers() - before).toBe(0);
    }
  },
);
