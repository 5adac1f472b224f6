import { randomInt } from "node:crypto";
import type { Call } from "@revkv/api/adapter";
import { Backoff } from "@revkv/api/adapter";
import type { JetStream } from "./jetstream.ts";
import { pause } from "./jetstream.ts";
import { isRefused } from "./translate-error.ts";
import { errorCode, toNanos } from "./wire.ts";

/** The consumer that whoever changes or deletes a bucket has. */
const name = "revkv_config";

/** How long a lock outlives a holder that has vanished, in milliseconds. */
const inactiveThreshold = 2_000;

/**
 * How long one that is cut off may keep it, and how often a holder says that it is there, in milliseconds: a server that
 * carries out a change may read nothing else from the connection meanwhile.
 */
const [holdTime, holdPause] = [10_000, 1_000];

/** The longest pause between two tries, in milliseconds: behind a holder that has vanished there has to be time left. */
const longestPause = 250;

/** What keeps other managers from changing a bucket's config or deleting it. */
export interface Lock {
  /** Lets them. */
  unlock(): void;
  /** Ends a lock that is gone with its bucket: one on a new bucket of that name is left alone. */
  forget(): void;
}

/**
 * Waits until no other manager changes a bucket's config or deletes it, and keeps them from it.
 * JetStream replaces a config as a whole, whatever it is by then: of two changes at the same time one would be lost (rule
 * B4), and a cluster does not answer all of several deletions (rule B11). What it does atomically is to refuse a consumer
 * of a name that another has, unless it is the same: so each begins somewhere else.
 */
export async function lock(jetstream: JetStream, stream: string, call: Call): Promise<Lock> {
  const config = {
    name,
    deliver_policy: "by_start_sequence",
    opt_start_seq: randomInt(1, 2 ** 47),
    ack_policy: "none",
    inactive_threshold: toNanos(inactiveThreshold),
    mem_storage: true,
    num_replicas: 1,
  };
  const backoff = new Backoff();
  for (;;) {
    try {
      await jetstream.request(`CONSUMER.CREATE.${stream}.${name}`, { stream_name: stream, config }, call);
      return hold(jetstream, stream);
    } catch (error) {
      // A cluster says it in another way.
      const isTaken = isRefused(error, errorCode.otherStart) || isRefused(error, errorCode.consumerInUse);
      if (!isTaken) throw error;
    }
    await pause(Math.min(backoff.next(), longestPause), call.signal);
  }
}

/** Keeps a lock by waiting for a message that never comes: when its holder is gone, nobody waits any more. */
function hold({ link }: JetStream, stream: string): Lock {
  const waiting = link.listen(() => undefined);
  const pull = JSON.stringify({ batch: 1, expires: toNanos(holdTime) });
  const wait = (): void => link.tell(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, pull, waiting.address);
  wait();
  const timer = setInterval(wait, holdPause);
  const forget = (): void => {
    clearInterval(timer);
    waiting.close();
  };
  const unlock = (): void => {
    forget();
    link.tell(`$JS.API.CONSUMER.DELETE.${stream}.${name}`, "");
  };
  return { unlock, forget };
}
