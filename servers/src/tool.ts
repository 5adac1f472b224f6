import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Where a program of the system is. Where it is missing, root installs Debian's package of it; anybody else is told
 * what to type.
 *
 * @param debian - Debian's package, if it is not named after the program.
 */
export function needTool(program: string, debian: string = program): string {
  const found = find(program);
  if (found !== null) return found;
  if (process.getuid?.() !== 0 || find("apt-get") === null) {
    throw new Error(`${program} is missing: install it, with "sudo apt-get install ${debian}" on Debian and Ubuntu`);
  }
  install(debian);
  const installed = find(program);
  if (installed === null) throw new Error(`Debian's ${debian} brought no ${program}`);
  return installed;
}

function find(program: string): string | null {
  const path = (process.env["PATH"] ?? "").split(delimiter).filter(Boolean);
  // Debian keeps servers off the path of those who are not root, and PostgreSQL's off everybody's.
  for (const folder of [...path, "/usr/sbin", ...postgresFolders()]) {
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** Those of all versions that Debian has installed, the newest first. */
function postgresFolders(): string[] {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return [];
  const versions = readdirSync(root).sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  return versions.map((version) => join(root, version, "bin"));
}

/** The lock is for tests that start at the same time: apt waits for dpkg's lock, but not for that of its lists. */
function install(debian: string): void {
  const script = 'apt-get -q update && apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 install "$1"';
  try {
    execFileSync("flock", ["/etc/apt", "sh", "-c", script, "sh", debian], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
    });
  } catch (error) {
    throw new Error(`apt-get could not install ${debian}`, { cause: error });
  }
}
