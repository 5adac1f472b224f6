import { adapterOf } from "../adapters.ts";
import type { Finding } from "./finding.ts";
import { failure, ok, warning } from "./finding.ts";

/** What the account may store, as the server tells; -1 is no limit. */
interface AccountInfo {
  readonly error?: { readonly description?: string };
  readonly storage?: number;
  readonly limits?: { readonly max_storage?: number };
}

/** The server, and whether this account may store anything. */
export async function* examination(url: string): AsyncGenerator<Finding, boolean> {
  const { connect: open } = await adapterOf(url).load();
  // The adapter knows what a server has to be like, and how a URL names a user.
  const manager = await open(adapterOf(url).options(url) as never);
  await manager.close();
  const { connect } = await import("@nats-io/transport-node");
  const { username, password, host } = new URL(url);
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  const login = pass !== "" ? { user, pass } : user !== "" ? { token: user } : {};
  const connection = await connect({ servers: host, reconnect: false, timeout: 5000, ...login });
  try {
    yield ok("reachable", `in ${(await connection.rtt()).toFixed(1)} ms`);
    yield ok("version", `NATS ${connection.info?.version}`);
    const answer = (await connection.request("$JS.API.INFO", "", { timeout: 5000 })).json<AccountInfo>();
    if (answer.error !== undefined) {
      yield failure("jetstream", `${answer.error.description}`, "enable JetStream on the server and for the account");
      return false;
    }
    const { storage = 0, limits = {} } = answer;
    const { max_storage: most = -1 } = limits;
    if (most > 0 && storage > most * 0.9) {
      yield warning("room", `${storage} of ${most} bytes are used`, "raise the account's limit, or compact buckets");
    } else yield ok("jetstream", most > 0 ? `${storage} of ${most} bytes are used` : `${storage} bytes are used`);
    return true;
  } finally {
    await connection.close();
  }
}
