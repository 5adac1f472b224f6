import { statSync } from "node:fs";
import { KeyValueError } from "@revkv/api";
import type { DriverName } from "./driver.ts";
import { destination } from "./file-access.ts";

/** For how long a file that was there is taken to be there still, in milliseconds. */
const trust = 50;

/** Stands for what tells a file that is not there. */
const missing = "missing";

/** Which library has a file open in this process, and how often; shared by all copies of this package. */
const claims: Map<string, { readonly library: DriverName; count: number }> = sharedMap();

/** Which file a connection has open, whatever its path leads to by now. */
export class FileIdentity {
  /** Where it was found. */
  readonly path: string;
  /** Where it was, whatever links led there: SQLite keeps its files beside it. */
  readonly location: string;
  readonly #id: string;
  #checked = performance.now();

  private constructor(path: string, id: string) {
    this.path = path;
    this.location = destination(path);
    this.#id = id;
  }

  /** The file that a path leads to; undefined when there is none. */
  static of(path: string): FileIdentity | undefined {
    const id = idOf(path);
    return id === undefined || id === missing ? undefined : new FileIdentity(path, id);
  }

  /**
   * Sees to it that the path still leads to the file: what is written to one that was deleted or replaced is lost.
   *
   * @throws `UNAVAILABLE` while it is not there, `INCOMPATIBLE_STORAGE` while another is in its place
   */
  check(): void {
    const now = performance.now();
    if (now - this.#checked < trust) return;
    const id = idOf(this.path) ?? this.#id;
    if (id === missing) throw new KeyValueError("UNAVAILABLE", `${this.path} was deleted or moved while it was open`);
    if (id !== this.#id) {
      throw new KeyValueError("INCOMPATIBLE_STORAGE", `${this.path} was replaced while it was open: connect again`);
    }
    this.#checked = now;
  }

  /**
   * Notes that a library has the file open in this process; returns what ends that. Two libraries must not: when one
   * closes it, the operating system drops the locks of both, and the database can be damaged.
   *
   * @throws `UNSUPPORTED` when another library has it open
   */
  claim(library: DriverName): () => void {
    const claim = claims.get(this.#id) ?? { library, count: 0 };
    if (claim.library !== library) {
      throw new KeyValueError(
        "UNSUPPORTED",
        `${this.path} is open by ${claim.library} in this process: two libraries on one file can damage it`,
      );
    }
    claims.set(this.#id, claim);
    claim.count += 1;
    return () => {
      claim.count -= 1;
      if (claim.count === 0) claims.delete(this.#id);
    };
  }
}

/** What tells a file from all others; undefined where that cannot be told. */
function idOf(path: string): string | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? missing : `${stats.dev}:${stats.ino}`;
  } catch {
    return undefined;
  }
}

function sharedMap(): typeof claims {
  const name = Symbol.for("@revkv/sqlite files");
  const shared = globalThis as { [name]?: typeof claims };
  shared[name] ??= new Map();
  return shared[name];
}
