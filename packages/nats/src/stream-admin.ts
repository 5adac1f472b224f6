import { KeyValueError, updateConfig } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import type { Lock } from "./bucket-lock.ts";
import { lock } from "./bucket-lock.ts";
import type { JetStream } from "./jetstream.ts";
import { pause, unlessClosed } from "./jetstream.ts";
import { isLowering, lowered, mark, unmark } from "./lowering.ts";
import type { BucketSetup, NatsKeyValueConfig } from "./stream-config.ts";
import { divideConfig, isSetUp, mergeSettings, setupOf, streamOf } from "./stream-config.ts";
import { isRefused, Refused, Unanswered } from "./translate-error.ts";
import type { StreamConfig, StreamInfo } from "./wire.ts";
import { errorCode } from "./wire.ts";

/** How often a stream is tried to be made whose files cannot be, and the pause between, in milliseconds. */
const [storeAttempts, storePause] = [10, 50];

/** What the server says of a stream; undefined when there is none. */
export async function findStream(jetstream: JetStream, stream: string, call: Call): Promise<StreamInfo | undefined> {
  try {
    return await jetstream.request<StreamInfo>(`STREAM.INFO.${stream}`, undefined, call);
  } catch (error) {
    if (isRefused(error, errorCode.streamNotFound)) return undefined;
    throw error;
  }
}

/**
 * Creates a stream, or gives the one that there is, however it is set up. Another of the same name that is just being
 * deleted may still have its files (rule B12).
 */
export async function createStream(jetstream: JetStream, stream: StreamConfig, call: Call): Promise<StreamInfo> {
  const find = (): Promise<StreamInfo | undefined> => findStream(jetstream, stream.name, call);
  const attempt = (): Promise<StreamInfo> => jetstream.attempt(`STREAM.CREATE.${stream.name}`, stream, call);
  for (let failures = 0; ; ) {
    try {
      return await jetstream.change(attempt, find, call);
    } catch (error) {
      if (isRefused(error, errorCode.streamExists)) {
        const found = await find();
        if (found !== undefined) return found;
      } else {
        failures += 1;
        if (!isRefused(error, errorCode.noStore) || failures === storeAttempts) throw error;
        await pause(storePause, call.signal);
      }
    }
  }
}

/** What became of a stream that was to be deleted: `"gone"` when it is, but was not answered. */
export type Deletion = "deleted" | "gone" | "missing";

/** Deletes a stream, as long as it is still this one, while no other manager changes it. */
export async function deleteStream(
  jetstream: JetStream,
  { config: { name }, created }: Pick<StreamInfo, "config" | "created">,
  call: Call,
): Promise<Deletion> {
  let asked = 0;
  const attempt = async (): Promise<Deletion> => {
    asked += 1;
    await jetstream.attempt(`STREAM.DELETE.${name}`, {}, call);
    return "deleted";
  };
  const look = async (): Promise<Deletion | undefined> => {
    const found = await findStream(jetstream, name, call);
    return found?.created === created ? undefined : "gone";
  };
  let held: Lock | undefined;
  try {
    held = await lock(jetstream, name, call);
    if ((await look()) === undefined) {
      const deletion = await jetstream.change(attempt, look, call);
      held.forget();
      return deletion;
    }
    held.unlock();
    return "missing";
  } catch (error) {
    held?.unlock();
    if (isRefused(error, errorCode.streamNotFound)) return asked > 1 ? "gone" : "missing";
    throw error;
  }
}

/**
 * Changes how a stream's bucket is set up, while no other manager does (rule B4). A history that was lowered is so
 * everywhere before it resolves, by whomever that was (rule B6).
 */
export async function updateStream(
  jetstream: JetStream,
  name: string,
  change: NatsKeyValueConfig,
  call: Call,
): Promise<StreamInfo> {
  /** How it was when a change was made whose answer was lost. */
  let before: BucketSetup | undefined;
  const update = async (): Promise<StreamInfo | undefined> => {
    const info = await jetstream.request<StreamInfo>(`STREAM.INFO.${name}`, undefined, call);
    if (await isLowering(jetstream, info, call)) {
      await lowered(jetstream, info, call);
      await unmark(jetstream, name, call);
    }
    const found = setupOf(info);
    const wanted = changed(before ?? found, change);
    if (isSetUp(info, wanted)) return info;
    if (before !== undefined && !isSetUp(info, before)) {
      throw new KeyValueError("OUTCOME_UNKNOWN", "the config was to be changed, and others have changed it since");
    }
    const isLess = wanted.config.history < found.config.history;
    if (isLess) await mark(jetstream, name, call);
    try {
      const updated = await jetstream.attempt<StreamInfo>(`STREAM.UPDATE.${name}`, streamOf(wanted, info.config), call);
      // The answer to a second request can come while the first is carried out.
      if (isLess && before !== undefined) await lowered(jetstream, updated, call);
      if (isLess) await unmark(jetstream, name, call);
      return updated;
    } catch (error) {
      if (error instanceof Unanswered && error.sent) {
        before = found;
        return undefined;
      }
      if (isLess && before === undefined && error instanceof Refused) await unmark(jetstream, name, call);
      throw error;
    }
  };
  const updateAlone = async (): Promise<StreamInfo | undefined> => {
    const { unlock } = await lock(jetstream, name, call);
    try {
      return await update();
    } finally {
      unlock();
    }
  };
  const attempt = async (): Promise<StreamInfo> => {
    for (;;) {
      const updated = await (before === undefined ? updateAlone() : unlessClosed(updateAlone()));
      if (updated !== undefined) return updated;
    }
  };
  return await jetstream.change(attempt, async () => undefined, call);
}

/**
 * How a bucket is to be after a change.
 *
 * @throws `INVALID_CONFIG` for a change that is not possible
 */
export function changed(found: BucketSetup, change: NatsKeyValueConfig): BucketSetup {
  const { common, settings } = divideConfig(change);
  const to = { config: updateConfig(found.config, common), settings: mergeSettings(found.settings, settings) };
  if (to.settings.storage === found.settings.storage) return to;
  throw new KeyValueError("INVALID_CONFIG", "storage cannot be changed later");
}
