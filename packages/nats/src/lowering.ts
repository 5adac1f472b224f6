import { isKeyValueError } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import { Backoff } from "@revkv/api/adapter";
import type { JetStream } from "./jetstream.ts";
import { pause } from "./jetstream.ts";
import { isRefused } from "./translate-error.ts";
import type { StreamInfo } from "./wire.ts";
import { errorCode, toNanos } from "./wire.ts";

/** The consumer that a bucket has while its history is lowered: it outlives whoever lowers it. */
const name = "revkv_lowering";

/** When a mark that nobody has taken away goes by itself, in milliseconds. */
const forgotten = 3_600_000;

/** Marks a bucket as one whose history is being lowered, until {@link unmark}: its config says so before it is. */
export async function mark(jetstream: JetStream, stream: string, call: Call): Promise<void> {
  const config = {
    name,
    durable_name: name,
    deliver_policy: "new",
    ack_policy: "none",
    inactive_threshold: toNanos(forgotten),
  };
  await jetstream.request(`CONSUMER.CREATE.${stream}.${name}`, { stream_name: stream, config }, call);
}

/** Says that no entry is left which the config does not allow. Who may not leaves the mark, which then keeps nobody. */
export async function unmark(jetstream: JetStream, stream: string, call: Call): Promise<void> {
  await unlessDenied(unlessMissing(jetstream.request(`CONSUMER.DELETE.${stream}.${name}`, undefined, call)));
}

/**
 * Tells whether a bucket may have entries that its lowered history does not allow (rule B6). Who may not ask for the mark
 * looks for such entries.
 */
export async function isLowering(jetstream: JetStream, { config, state }: StreamInfo, call: Call): Promise<boolean> {
  if (state.consumer_count === 0) return false;
  const asked = unlessMissing(jetstream.request(`CONSUMER.INFO.${config.name}.${name}`, undefined, call));
  return (await unlessDenied(asked)) ?? !(await isLowered(jetstream, config, call));
}

/**
 * Waits until no key has more entries than the config allows: servers answer requests while they remove entries, and go
 * on when nobody waits for their answer any more.
 */
export async function lowered(jetstream: JetStream, { config }: StreamInfo, call: Call): Promise<void> {
  const backoff = new Backoff();
  while (!(await isLowered(jetstream, config, call))) await pause(backoff.next(), call.signal);
}

async function isLowered(
  jetstream: JetStream,
  { name: stream, subjects: [filter = ">"] = [], max_msgs_per_subject: history = 0 }: StreamInfo["config"],
  call: Call,
): Promise<boolean> {
  const ask = (query?: object): Promise<StreamInfo> => jetstream.request(`STREAM.INFO.${stream}`, query, call);
  const { messages, num_subjects: keys = 0 } = (await ask()).state;
  // Each key has one at least: too few are left for one to have more than it may.
  if (messages - keys < history) return true;
  if (history === 1) return false;
  for (let offset = 0; ; ) {
    const { state, total = 0 } = await ask({ subjects_filter: filter, offset });
    const counts = Object.values(state.subjects ?? {});
    if (counts.some((count) => count > history)) return false;
    offset += counts.length;
    if (counts.length === 0 || offset >= total) return true;
  }
}

/** Tells whether there was something to ask: a bucket that was deleted meanwhile has no mark either. */
async function unlessMissing(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (isRefused(error, errorCode.consumerNotFound) || isRefused(error, errorCode.streamNotFound)) return false;
    throw error;
  }
}

/** Gives an answer; undefined when the user may not make the request. */
async function unlessDenied<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isKeyValueError(error, "PERMISSION_DENIED")) return undefined;
    throw error;
  }
}
