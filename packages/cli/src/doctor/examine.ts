import type { KeyValueEvent } from "@revkv/api";
import { isKeyValueError } from "@revkv/api";
import { adapterOf, loadAdapter } from "../adapters.ts";
import { describeError } from "../cli/failure.ts";
import type { Finding } from "./finding.ts";
import { failure, ok, warning } from "./finding.ts";

/** Looks at what one kind of store has beyond the others; returns whether revkv can be tried out on it as it is. */
type Examination = (url: string) => AsyncGenerator<Finding, boolean>;

const examinations: Readonly<Record<string, () => Promise<{ readonly examination: Examination }>>> = {
  "@revkv/sqlite": () => import("./sqlite.ts"),
  "@revkv/postgres": () => import("./postgres.ts"),
  "@revkv/redis": () => import("./redis.ts"),
  "@revkv/nats": () => import("./nats.ts"),
};

/** Examines a store: what is special about its kind, then whether revkv can work on it. */
export async function* examine(url: string, timeout: number | undefined): AsyncGenerator<Finding, void> {
  const adapter = adapterOf(url);
  let isFit = true;
  try {
    // What is not installed is named by that.
    await loadAdapter(adapter);
    const load = examinations[adapter.module];
    if (load !== undefined) {
      const { examination } = await load();
      isFit = yield* withVerdict(examination(url));
    }
    if (isFit) yield* tryOut(url, timeout);
  } catch (error) {
    yield failure("reachable", describeError(error), adviceFor(error));
  }
}

/** Passes findings on, and returns whether the store is fit: no finding is a failure. */
async function* withVerdict(findings: AsyncGenerator<Finding, boolean>): AsyncGenerator<Finding, boolean> {
  let hasFailed = false;
  for (;;) {
    const item = await findings.next();
    if (item.done) return item.value && !hasFailed;
    hasFailed ||= item.value.state === "failure";
    yield item.value;
  }
}

/** Opens the store as an application does, and reads the list of buckets. */
async function* tryOut(url: string, timeout: number | undefined): AsyncGenerator<Finding, void> {
  const unsafe: string[] = [];
  const adapter = adapterOf(url);
  const { connect } = await loadAdapter(adapter);
  const options = {
    ...adapter.options(url),
    ...adapter.asItIs,
    timeout,
    onEvent: ({ type, message }: KeyValueEvent) => {
      if (type === "unsafe-setting") unsafe.push(message);
    },
  };
  const manager = await connect(options as never);
  try {
    const start = performance.now();
    let buckets = 0;
    for await (const _ of manager.keyValueStoreNames()) buckets += 1;
    yield ok("buckets", `${buckets}, listed in ${(performance.now() - start).toFixed(1)} ms`);
    for (const message of unsafe) yield warning("settings", message, "see above");
  } finally {
    await manager.close();
  }
}

function adviceFor(error: unknown): string {
  if (isKeyValueError(error, "UNSUPPORTED")) return "install what is missing";
  if (isLoginRefused(error)) return "check the user and the password, and what the user is granted";
  if (isKeyValueError(error, "INCOMPATIBLE_STORAGE")) return "the message says what is needed";
  return "check the URL, that the server runs, and that nothing in between keeps this machine from it";
}

/** Tells whether the server was reached, and did not let this user in. */
function isLoginRefused(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  // A driver's own error: of Postgres by its SQLSTATE, of Redis by the first word.
  return (
    code === "PERMISSION_DENIED" || /^28/.test(String(code)) || /^(NOAUTH|WRONGPASS|NOPERM)\b/.test(String(message))
  );
}
