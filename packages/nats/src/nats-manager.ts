import type { CallOptions, Capabilities, KeyValue, KeyValueManager, KeyValueStatus, ManagerOptions } from "@revkv/api";
import { checkBucketName, checkConfig, isKeyValueError, KeyValueError, normalizeConfig } from "@revkv/api";
import type { Call } from "@revkv/api/adapter";
import {
  allowedOptions,
  bucketNotFound,
  CheckedKeyValue,
  checkedNow,
  checkOptions,
  checkSameConfig,
  checkSupported,
  copyOfConfig,
  defaultTimeout,
  each,
  ManagerContext,
} from "@revkv/api/adapter";
import { NatsOperations } from "./bucket-operations.ts";
import { JetStream } from "./jetstream.ts";
import type { Link } from "./link.ts";
import { isLowering } from "./lowering.ts";
import type { NatsContext } from "./nats-bucket.ts";
import { NatsBucket } from "./nats-bucket.ts";
import type { NatsWatcher } from "./nats-watcher.ts";
import type { ServerFaults, ServerInfo } from "./server-abilities.ts";
import { capabilitiesOf, faultsOf } from "./server-abilities.ts";
import type { NatsKeyValueStatus } from "./status.ts";
import { statusOf } from "./status.ts";
import type { Deletion } from "./stream-admin.ts";
import { changed, createStream, deleteStream, findStream, updateStream } from "./stream-admin.ts";
import type { BucketSetup, NatsKeyValueConfig, NormalizedSettings } from "./stream-config.ts";
import {
  bucketOfStream,
  checkServer,
  divideConfig,
  isSetUp,
  mergeSettings,
  sameSettings,
  setupOf,
  standardSettings,
  streamName,
  streamOf,
} from "./stream-config.ts";
import type { StreamPage } from "./stream-list.ts";
import { streamInfos, streamNames } from "./stream-list.ts";
import { translateError } from "./translate-error.ts";
import type { StreamInfo } from "./wire.ts";

/** A bucket on NATS. */
export interface NatsKeyValue extends KeyValue {
  status(options?: CallOptions): Promise<NatsKeyValueStatus>;
}

/** The buckets of an account on NATS: the config of each takes what only NATS offers, too. */
export interface NatsManager extends KeyValueManager {
  keyValue(bucket: string, options?: CallOptions): Promise<NatsKeyValue>;
  createKeyValue(config: NatsKeyValueConfig, options?: CallOptions): Promise<NatsKeyValue>;
  updateKeyValue(config: NatsKeyValueConfig, options?: CallOptions): Promise<NatsKeyValue>;
  createOrUpdateKeyValue(config: NatsKeyValueConfig, options?: CallOptions): Promise<NatsKeyValue>;
}

class NatsHandle extends CheckedKeyValue implements NatsKeyValue {
  override async status(options?: CallOptions): Promise<NatsKeyValueStatus> {
    return (await super.status(options)) as NatsKeyValueStatus;
  }
}

interface Opened {
  readonly bucket: NatsBucket;
  readonly handle: NatsKeyValue;
}

/** The manager on one connection. */
export class LinkedManager implements NatsManager {
  readonly backingStore = "nats";
  readonly capabilities: Capabilities;
  readonly #link: Link;
  readonly #jetstream: JetStream;
  readonly #context: NatsContext;
  readonly #faults: ServerFaults;
  readonly #closeConnection: () => Promise<void>;
  readonly #opened: Map<string, Opened> = new Map();
  readonly #watchers: Set<NatsWatcher> = new Set();
  readonly #subscriptions: readonly { unsubscribe(): void }[];
  #closing: Promise<void> | undefined;

  constructor(link: Link, server: ServerInfo, options: ManagerOptions, closeConnection: () => Promise<void>) {
    this.#link = link;
    this.#jetstream = new JetStream(link);
    this.capabilities = Object.freeze(capabilitiesOf(server));
    this.#faults = faultsOf(server);
    this.#context = new ManagerContext({ translateError }, options.timeout ?? defaultTimeout, options.onEvent);
    this.#closeConnection = closeConnection;
    // Servers tell of every stream that is changed or deleted; who may not hear it finds out by itself, later.
    this.#subscriptions = ["UPDATED", "DELETED"].map((what) =>
      link.connection.subscribe(`$JS.EVENT.ADVISORY.STREAM.${what}.*`, {
        callback: (error, message) => {
          if (error === null) this.#changed(message.subject.split(".").at(-1) ?? "");
          else if (what === "DELETED") this.#unheard(translateError(error, false));
        },
      }),
    );
    link.onChange.add((connected) => {
      if (this.#closing !== undefined) return;
      // What was changed or deleted meanwhile was not told here.
      for (const { bucket } of this.#opened.values()) bucket.outdated();
      if (connected) this.#context.emit("reconnected", "the connection is back", {});
      else this.#context.emit("reconnecting", "the connection was lost", {});
    });
  }

  async keyValue(bucket: string, options?: CallOptions): Promise<NatsKeyValue> {
    checkBucketName(bucket);
    checkOptions(options, allowedOptions.call);
    return this.#handle(await this.#info(bucket, options?.signal));
  }

  async createKeyValue(config: NatsKeyValueConfig, options?: CallOptions): Promise<NatsKeyValue> {
    const setup = this.#wanted(config);
    checkOptions(options, allowedOptions.call);
    const { bucket } = setup.config;
    for (;;) {
      const info = await this.#create(setup, options?.signal);
      const found = setupOf(info);
      checkSameConfig(found.config, setup.config);
      checkSameSettings(bucket, found.settings, setup.settings);
      if (!(await this.#isLowering(info, options?.signal))) return this.#handle(info);
      const lowered = await this.#configureUnlessDeleted({ bucket }, options?.signal);
      if (lowered !== undefined) return lowered;
    }
  }

  async updateKeyValue(config: NatsKeyValueConfig, options?: CallOptions): Promise<NatsKeyValue> {
    const change = this.#change(config);
    checkOptions(options, allowedOptions.call);
    return this.#configure(change, options?.signal);
  }

  async createOrUpdateKeyValue(config: NatsKeyValueConfig, options?: CallOptions): Promise<NatsKeyValue> {
    const setup = this.#wanted(config);
    const change = this.#change(config);
    checkOptions(options, allowedOptions.call);
    for (;;) {
      const info = await this.#create(setup, options?.signal);
      if (isSetUp(info, setup) && !(await this.#isLowering(info, options?.signal))) return this.#handle(info);
      const configured = await this.#configureUnlessDeleted(change, options?.signal);
      if (configured !== undefined) return configured;
    }
  }

  async deleteKeyValue(bucket: string, options?: CallOptions): Promise<void> {
    checkBucketName(bucket);
    checkOptions(options, allowedOptions.call);
    const info = await this.#info(bucket, options?.signal);
    setupOf(info);
    const remove = (found: StreamInfo): Promise<Deletion> =>
      this.#step((call) => deleteStream(this.#jetstream, found, call), options?.signal, true);
    let deletion = await remove(info);
    if (deletion === "missing") throw bucketNotFound(bucket);
    this.#forget(bucket);
    // One that was created before the files of the old one were gone has lost its own, and goes too (rule B12).
    while (this.#faults.lateFiles && deletion === "deleted") {
      const found = await this.#find(bucket, options?.signal);
      deletion = found === undefined ? "missing" : await remove(found);
    }
  }

  keyValueStoreNames(options?: CallOptions): AsyncGenerator<string, void, undefined> {
    return checkedNow(() => {
      checkOptions(options, allowedOptions.call);
      return each(this.#names(options?.signal), (name) => name, options?.signal);
    });
  }

  keyValueStores(options?: CallOptions): AsyncGenerator<KeyValueStatus, void, undefined> {
    return checkedNow(() => {
      checkOptions(options, allowedOptions.call);
      return each(this.#statuses(options?.signal), (status) => status, options?.signal);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#context.close();
    for (const watcher of [...this.#watchers]) await watcher.stop();
    await this.#context.settledInTime();
    if (!this.#link.connection.isClosed()) for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#link.close();
    await this.#closeConnection();
  }

  /** Creates a bucket, or finds the one that exists. */
  #create(setup: BucketSetup, signal: AbortSignal | undefined): Promise<StreamInfo> {
    return this.#step((call) => createStream(this.#jetstream, streamOf(setup), call), signal, true);
  }

  /** Changes a config (rule B4). */
  async #configure(change: NatsKeyValueConfig, signal: AbortSignal | undefined): Promise<NatsKeyValue> {
    // A bucket that is not there is to be told from one that cannot be changed.
    const found = await this.#info(change.bucket, signal);
    const isUnchanged = isSetUp(found, changed(setupOf(found), change));
    if (isUnchanged && !(await this.#isLowering(found, signal))) return this.#handle(found);
    const { name } = found.config;
    return this.#handle(await this.#step((call) => updateStream(this.#jetstream, name, change, call), signal, true));
  }

  /** The same; undefined when somebody deleted the bucket just now: then it is to be created. */
  async #configureUnlessDeleted(
    change: NatsKeyValueConfig,
    signal: AbortSignal | undefined,
  ): Promise<NatsKeyValue | undefined> {
    try {
      return await this.#configure(change, signal);
    } catch (error) {
      if (isKeyValueError(error, "BUCKET_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  /** Tells whether somebody lowers a bucket's history, or began to: who changes nothing waits for that too (rule B6). */
  #isLowering(info: StreamInfo, signal: AbortSignal | undefined): Promise<boolean> {
    return this.#step((call) => isLowering(this.#jetstream, info, call), signal);
  }

  /** Checks a config that a bucket is to have. */
  #wanted(given: NatsKeyValueConfig): BucketSetup {
    const { common, settings } = divideConfig(given);
    const config = checkSupported(normalizeConfig(common), this.capabilities);
    checkServer(common, this.capabilities);
    return { config, settings: mergeSettings(standardSettings, settings) };
  }

  /** Checks a change of a config. */
  #change(given: NatsKeyValueConfig): NatsKeyValueConfig {
    const { common, settings } = divideConfig(given);
    checkConfig(common);
    checkSupported(common, this.capabilities);
    checkServer(common, this.capabilities);
    return { ...copyOfConfig(common), ...settings };
  }

  async #info(bucket: string, signal: AbortSignal | undefined): Promise<StreamInfo> {
    const found = await this.#find(bucket, signal);
    if (found !== undefined) return found;
    this.#forget(bucket);
    throw bucketNotFound(bucket);
  }

  #find(bucket: string, signal: AbortSignal | undefined): Promise<StreamInfo | undefined> {
    return this.#step((call) => findStream(this.#jetstream, streamName(bucket), call), signal);
  }

  async *#names(signal: AbortSignal | undefined): AsyncGenerator<readonly string[], void, undefined> {
    const names: string[] = [];
    for await (const page of this.#pages(streamNames, signal)) {
      for (const stream of page) names.push(bucketOfStream(stream) ?? "");
    }
    yield names.filter((name) => name !== "").sort();
  }

  async *#statuses(signal: AbortSignal | undefined): AsyncGenerator<readonly KeyValueStatus[], void, undefined> {
    const statuses: KeyValueStatus[] = [];
    for await (const page of this.#pages(streamInfos, signal)) {
      for (const info of page) {
        if (!isBucket(info)) continue;
        const { messages: values, bytes } = info.state;
        statuses.push(statusOf(info, { values, bytes, approximate: true }));
      }
    }
    yield statuses.sort((a, b) => (a.bucket < b.bucket ? -1 : 1));
  }

  async *#pages<Item>(
    list: (jetstream: JetStream, offset: number, call: Call) => Promise<StreamPage<Item>>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly Item[], void> {
    for (let offset: number | undefined = 0; offset !== undefined; ) {
      const from: number = offset;
      const page = await this.#step((call) => list(this.#jetstream, from, call), signal);
      yield page.items;
      offset = page.next;
    }
  }

  async #step<T>(start: (call: Call) => Promise<T>, signal: AbortSignal | undefined, written = false): Promise<T> {
    this.#context.admit(signal);
    return await this.#context.step(start, signal, written);
  }

  /** A handle on a bucket; all handles of one incarnation are one, with one writer. */
  #handle(info: StreamInfo): NatsKeyValue {
    const name = bucketOfStream(info.config.name) ?? "";
    const opened = this.#opened.get(name);
    if (opened?.bucket.incarnation === info.created) {
      opened.bucket.learn(info);
      return opened.handle;
    }
    const bucket = new NatsBucket(this.#context, this.#jetstream, this.capabilities, info, this.#faults);
    const operations = new NatsOperations(bucket, this.#watchers);
    const handle = new NatsHandle(operations);
    opened?.bucket.gone();
    this.#opened.set(name, { bucket, handle });
    if (this.#faults.earlyChecks && bucket.setup.settings.replicas > 1) {
      const message = `conditional writes of other clients than revkv can overwrite newer entries: NATS 2.9.21 mends it`;
      this.#context.emit("unsafe-setting", `bucket "${name}" has replicas: ${message}`, { bucket: name });
    }
    return handle;
  }

  #forget(name: string): void {
    this.#opened.get(name)?.bucket.gone();
    this.#opened.delete(name);
  }

  /** Tells that the user may not hear of what others delete. */
  #unheard(error: KeyValueError): void {
    if (error.code !== "PERMISSION_DENIED") return;
    const message = "the user may not subscribe to $JS.EVENT.ADVISORY.STREAM.*";
    this.#context.emit("unsafe-setting", `${message}: writes go to whichever bucket has the name`, { error });
  }

  /** A stream was changed or deleted, or deleted and created again: who uses it next looks. */
  #changed(stream: string): void {
    const opened = this.#opened.get(bucketOfStream(stream) ?? "");
    if (opened === undefined || this.#closing !== undefined) return;
    opened.bucket.outdated();
    // Watchers are to hear of the end without asking.
    if (opened.bucket.observers.size > 0) {
      void this.#step((call) => opened.bucket.refresh(call), undefined).catch(() => undefined);
    }
  }
}

function checkSameSettings(bucket: string, found: NormalizedSettings, wanted: NormalizedSettings): void {
  if (sameSettings(found, wanted)) return;
  throw new KeyValueError("BUCKET_EXISTS", `bucket "${bucket}" exists with other replicas, storage or placement`);
}

function isBucket(info: StreamInfo): boolean {
  try {
    setupOf(info);
    return true;
  } catch {
    return false;
  }
}
