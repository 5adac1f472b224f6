import type { KeyValueConfig } from "@revkv/api";
import type { Command } from "commander";
import { parseDuration } from "./duration.ts";
import { parseHistory } from "./numbers.ts";
import { parseSize } from "./size.ts";
import { UsageError } from "./usage-error.ts";

/** What takes a limit away. */
const none = "none";

/** The options of `add` and `edit`, named as those of `nats kv add`. */
export interface ConfigOptions {
  readonly description?: string;
  readonly history?: number;
  readonly ttl?: number | typeof none;
  readonly markerTtl?: number | typeof none;
  readonly maxValueSize?: number | typeof none;
  readonly maxBucketSize?: number | typeof none;
  readonly metadata?: Readonly<Record<string, string>> | typeof none;
  readonly compress?: boolean;
}

/** Adds the options to a command. */
export function addConfigOptions(command: Command): Command {
  return command
    .option("--description <text>", "what the bucket is for")
    .option("--history <number>", "how many entries each key keeps, 1 to 64 (default: 1)", parseHistory)
    .option("--ttl <duration>", "how long entries live", orNone(parseDuration))
    .option(
      "--marker-ttl <duration>",
      "how long the marker of an expired value lives; entries can then have a ttl of their own",
      orNone(parseDuration),
    )
    .option("--max-value-size <size>", "the largest value", orNone(parseSize))
    .option("--max-bucket-size <size>", "the most that keys and values may add up to", orNone(parseSize))
    .option("--metadata <name=value>", "something of your own, all of it; repeatable", collectMetadata)
    .option("--compress", "compress values, where the storage can");
}

/** The config that the options say. */
export function configOf(bucket: string, options: ConfigOptions): KeyValueConfig {
  const { description, history, ttl, markerTtl, maxValueSize, maxBucketSize, metadata, compress } = options;
  return {
    bucket,
    description: description === "" ? null : description,
    history,
    ttl: orDefault(ttl),
    limitMarkerTtl: orDefault(markerTtl),
    maxValueSize: orDefault(maxValueSize),
    maxBytes: orDefault(maxBucketSize),
    metadata: orDefault(metadata),
    compression: compress,
  };
}

function orNone(parse: (text: string) => number): (text: string) => number | typeof none {
  return (text) => (text === none ? none : parse(text));
}

/** How a config says that a setting is to be what it was without it. */
function orDefault<T>(value: T | typeof none | undefined): T | null | undefined {
  return value === none ? null : value;
}

function collectMetadata(
  text: string,
  earlier: Readonly<Record<string, string>> | typeof none = {},
): Readonly<Record<string, string>> | typeof none {
  if (text === none) return none;
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new UsageError(`"${text}" is no metadata: name=value is`);
  return { ...(earlier === none ? {} : earlier), [name]: value };
}
