import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import { jetstream } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { connect } from "@nats-io/transport-node";
import type {
  Capabilities,
  KeyValue,
  KeyValueConfig,
  KeyValueManager,
  KeyValueStatus,
  ManagerOptions,
} from "@revkv/api";
import { BareKeyValue, named, namedItems } from "./bare-key-value.ts";
import { metadataOf, statusOf, streamConfigOf } from "./rename.ts";

/**
 * The API of revkv on @nats-io/kv with nothing but names and types adapted: no check, no retry, no order, no state. What
 * @nats-io/kv has no call for is the one of JetStream that it would make. What passes the suite here NATS does itself.
 */
export async function connectBare(
  url: string,
  capabilities: Capabilities,
  { timeout }: ManagerOptions = {},
): Promise<KeyValueManager> {
  const connection = await connect({ servers: url });
  const client = jetstream(connection, timeout === undefined ? {} : { timeout });
  return new BareManager(connection, client, await client.jetstreamManager(), capabilities);
}

class BareManager implements KeyValueManager {
  readonly backingStore = "nats";
  readonly capabilities: Capabilities;
  readonly #connection: NatsConnection;
  readonly #jetstream: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #buckets: Kvm;

  constructor(
    connection: NatsConnection,
    client: JetStreamClient,
    manager: JetStreamManager,
    capabilities: Capabilities,
  ) {
    this.capabilities = capabilities;
    this.#connection = connection;
    this.#jetstream = client;
    this.#manager = manager;
    this.#buckets = new Kvm(client);
  }

  async keyValue(bucket: string): Promise<KeyValue> {
    const kv = await named({}, () => this.#buckets.open(bucket));
    return new BareKeyValue(bucket, kv, this.#jetstream, this.#manager);
  }

  async createKeyValue(config: KeyValueConfig): Promise<KeyValue> {
    const { bucket, description, history, ttl, limitMarkerTtl, maxValueSize, maxBytes, compression, metadata } = config;
    const stored = metadataOf(metadata);
    const options = {
      ...(description == null ? {} : { description }),
      ...(history == null ? {} : { history }),
      ...(ttl == null ? {} : { ttl }),
      ...(limitMarkerTtl == null ? {} : { markerTTL: limitMarkerTtl }),
      ...(maxValueSize == null ? {} : { maxValueSize }),
      ...(maxBytes == null ? {} : { max_bytes: maxBytes }),
      ...(compression ? { compression } : {}),
      ...(stored && { metadata: stored }),
    };
    const kv = await named({ isWrite: true }, () => this.#buckets.create(bucket, options));
    return new BareKeyValue(bucket, kv, this.#jetstream, this.#manager);
  }

  async updateKeyValue(config: KeyValueConfig): Promise<KeyValue> {
    const { bucket } = config;
    const kv = await this.keyValue(bucket);
    await named({ isWrite: true }, () => this.#manager.streams.update(`KV_${bucket}`, streamConfigOf(config)));
    return kv;
  }

  async createOrUpdateKeyValue(config: KeyValueConfig): Promise<KeyValue> {
    await this.createKeyValue(config);
    return await this.updateKeyValue(config);
  }

  async deleteKeyValue(bucket: string): Promise<void> {
    await this.keyValue(bucket);
    await named({ isWrite: true }, () => this.#manager.streams.delete(`KV_${bucket}`));
  }

  async *keyValueStoreNames(): AsyncGenerator<string, void, undefined> {
    for await (const { bucket } of this.keyValueStores()) yield bucket;
  }

  async *keyValueStores(): AsyncGenerator<KeyValueStatus, void, undefined> {
    for await (const { streamInfo } of namedItems(async () => this.#buckets.list())) yield statusOf(streamInfo);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
