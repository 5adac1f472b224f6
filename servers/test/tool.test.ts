import { isAbsolute } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { needTool } from "../src/tool.ts";

test("a program that is there is found, with its path", () => {
  expect(isAbsolute(needTool("sh"))).toBe(true);
});

test("who is not root is told what to type", () => {
  const getuid = vi.spyOn(process, "getuid").mockReturnValue(1000);
  onTestFinished(() => getuid.mockRestore());
  expect(() => needTool("no-such-program", "its-package")).toThrow(
    'no-such-program is missing: install it, with "sudo apt-get install its-package" on Debian and Ubuntu',
  );
});
