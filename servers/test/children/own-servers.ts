/** Starts what its arguments name, says so, and stops nothing: it ends by itself, or waits to be killed. */
import { startNats } from "../../src/nats.ts";
import { startPgBouncer } from "../../src/pgbouncer.ts";
import { startPostgres } from "../../src/postgres.ts";
import { startRedis } from "../../src/redis.ts";

const [what, then] = process.argv.slice(2);

switch (what) {
  case "postgres": {
    await startPostgres();
    break;
  }
  case "paused postgres": {
    const server = await startPostgres();
    await server.pause();
    break;
  }
  case "killed postgres": {
    const server = await startPostgres();
    await server.kill();
    break;
  }
  case "pgbouncer": {
    await startPgBouncer("postgres://postgres@127.0.0.1:1/postgres", { mode: "transaction" });
    break;
  }
  case "redis": {
    await startRedis();
    break;
  }
  case "nats": {
    await startNats();
    break;
  }
}
process.stdout.write("started\n");
if (then === "wait") setInterval(() => {}, 60_000);
