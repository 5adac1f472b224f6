import type { BucketStorage, Call, Storage } from "@revkv/api/adapter";
import { mapStorage } from "../../../examples/map-adapter.ts";

/** A call that has reached the storage. */
export interface Request {
  /** The port's method. */
  readonly method: string;
  /** What it is carried out with, which `before` can still change. */
  readonly args: unknown[];
  readonly call: Call;
}

/**
 * A real storage behind a line that a test can hold, cut and count: every method of the port answers later, as over a
 * network.
 */
export class RemoteStorage {
  readonly storage: Storage;
  /** Every request that was sent, in order. */
  readonly requests: Request[] = [];
  /** Called before a request is carried out: its promise is the line's delay, its rejection the line's failure. */
  before: (request: Request) => Promise<void> = async () => undefined;
  /** Called after a request was carried out and before its answer arrives. */
  after: (request: Request) => Promise<void> = async () => undefined;
  /** What arrives instead of an answer. */
  replaceAnswer: (request: Request, answer: unknown) => unknown = (_, answer) => answer;

  constructor(real: Storage = mapStorage()) {
    const remote = this.#behindLine(real, (found) => {
      const { bucket } = (found ?? {}) as { bucket?: BucketStorage };
      return bucket === undefined ? found : { ...(found as object), bucket: this.#behindLine(bucket, (same) => same) };
    });
    this.storage = Object.assign(remote, {
      traits: { ...real.traits, directReads: false, directWrites: false },
      now: undefined,
      translateError: real.translateError.bind(real),
    });
  }

  /** How often a method was called. */
  count(method: string): number {
    return this.requests.filter((request) => request.method === method).length;
  }

  #behindLine<T extends object>(target: T, mapAnswer: (answer: unknown) => unknown): T {
    const copy: Record<string, unknown> = {};
    for (const [method, value] of Object.entries(target)) {
      copy[method] =
        typeof value !== "function"
          ? value
          : (...args: unknown[]) => this.#send(method, args, value.bind(target), mapAnswer);
    }
    return { ...copy } as T;
  }

  async #send(
    method: string,
    args: unknown[],
    carryOut: (...args: unknown[]) => unknown,
    mapAnswer: (answer: unknown) => unknown,
  ): Promise<unknown> {
    const request: Request = { method, args, call: args.at(-1) as Call };
    this.requests.push(request);
    await this.before(request);
    const answer = await carryOut(...args);
    await this.after(request);
    return mapAnswer(this.replaceAnswer(request, answer));
  }
}
