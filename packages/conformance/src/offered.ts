import type { Capabilities, KeyValueConfig } from "@revkv/api";

/** Fields of a config that only some adapters have, with the capability that says so. */
const conditional = { limitMarkerTtl: "limitMarkers", maxBytes: "maxBytes", metadata: "metadata" } as const;

/** A config without the fields that the adapter does not have. */
export function offered<Config extends Partial<KeyValueConfig>>(capabilities: Capabilities, config: Config): Config {
  const missing = Object.entries(conditional).filter(([, capability]) => !capabilities[capability]);
  const left = { ...config };
  for (const [field] of missing) delete left[field as keyof Config];
  return left;
}
