import type { Call } from "@revkv/api/adapter";
import type { JetStream } from "./jetstream.ts";
import { findStream } from "./stream-admin.ts";
import type { StreamInfo } from "./wire.ts";

/** Which streams hold buckets, by the subjects that they take. */
const subject = "$KV.*.>";

/** A part of all streams. */
export interface StreamPage<Item> {
  readonly items: readonly Item[];
  /** Where the next part begins; undefined where there is none. */
  readonly next: number | undefined;
}

interface Listed<Item> {
  readonly total: number;
  readonly streams: readonly Item[] | null;
  /** Streams of this part whose leaders have not answered in time. */
  readonly missing?: readonly string[] | null;
}

/** Names of streams that may hold buckets. */
export async function streamNames(jetstream: JetStream, offset: number, call: Call): Promise<StreamPage<string>> {
  const { streams, total } = await jetstream.request<Listed<string>>("STREAM.NAMES", { offset, subject }, call);
  return pageOf(streams ?? [], offset, total);
}

/** Streams that may hold buckets. */
export async function streamInfos(jetstream: JetStream, offset: number, call: Call): Promise<StreamPage<StreamInfo>> {
  const page = await jetstream.request<Listed<StreamInfo>>("STREAM.LIST", { offset, subject }, call);
  const streams = page.streams ?? [];
  const names = new Set(streams.map(({ config }) => config.name));
  const missing = (page.missing ?? []).filter((name) => !names.has(name));
  const found = await Promise.all(missing.map((name) => findStream(jetstream, name, call)));
  const { next } = pageOf([...streams, ...missing], offset, page.total);
  return { items: [...streams, ...found.filter((info) => info !== undefined)], next };
}

function pageOf<Item>(items: readonly Item[], offset: number, total: number): StreamPage<Item> {
  const next = offset + items.length;
  return { items, next: items.length === 0 || next >= total ? undefined : next };
}
