import { execFileSync } from "node:child_process";

/**
 * Makes sure that a program of the system is there. Where it is missing, root installs Debian's package of that name;
 * anybody else is told what to type.
 */
export function needTool(program: string): void {
  if (answers(program, "--version")) return;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !answers("apt-get", "--version")) {
    throw new Error(
      `this test needs ${program}: install it, with "sudo apt-get install ${program}" on Debian and Ubuntu`,
    );
  }
  execFileSync("apt-get", ["update", "-q"], { stdio: "ignore" });
  execFileSync("apt-get", ["install", "-y", "-q", program], { stdio: "ignore" });
}

function answers(program: string, argument: string): boolean {
  try {
    execFileSync(program, [argument], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
