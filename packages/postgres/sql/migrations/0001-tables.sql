-- Buckets: seldom written. A plain write touches only `entry`, since the newest revision is that of the newest row.
CREATE TABLE {schema}.bucket (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  incarnation uuid NOT NULL DEFAULT gen_random_uuid(),
  -- The config as JSON, and of it what the functions need. Durations in milliseconds, sizes in bytes.
  config text NOT NULL,
  history smallint NOT NULL,
  ttl bigint,
  marker_ttl bigint,
  max_value_size bigint,
  max_bytes bigint,
  -- Lower bounds: they count where rows are gone that were the newest.
  revision bigint NOT NULL DEFAULT 0,
  created bigint NOT NULL DEFAULT 0,
  compacted_to bigint NOT NULL DEFAULT 0,
  -- What keys and values add up to; kept only where max_bytes is set.
  bytes bigint NOT NULL DEFAULT 0,
  -- While a lowered history is carried out: the last key that was trimmed.
  trimming text COLLATE "C"
) WITH (fillfactor = 50);

-- The log is the store. Times are in milliseconds since 1970; `expires` is an entry's own deadline.
CREATE TABLE {schema}.entry (
  revision bigint NOT NULL,
  created bigint NOT NULL,
  expires bigint,
  bucket_id integer NOT NULL,
  -- 0 PUT, 1 DEL, 2 PURGE, 3 PURGE that an expiry left
  op smallint NOT NULL,
  key text COLLATE "C" NOT NULL,
  value bytea,
  PRIMARY KEY (bucket_id, revision)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- Values are not compressed: it costs more time than it saves on values of usual sizes.
ALTER TABLE {schema}.entry ALTER COLUMN value SET STORAGE EXTERNAL;

-- Nulls, which there are none of, come last here and first in the primary key read backwards: what asks for a key's newest
-- entries in this order is never answered by walking along the log, whatever was known of the table when it was planned.
CREATE UNIQUE INDEX entry_key ON {schema}.entry (bucket_id, key, revision DESC NULLS LAST);
CREATE INDEX entry_expires ON {schema}.entry (bucket_id, expires) WHERE expires IS NOT NULL;
CREATE INDEX entry_marker_key ON {schema}.entry (bucket_id, key) WHERE op <> 0;
CREATE INDEX entry_marker_age ON {schema}.entry (bucket_id, created, revision) WHERE op <> 0;

-- Buckets that are deleted and whose entries are still to be removed, in pages.
CREATE TABLE {schema}.dropped_bucket (
  id integer PRIMARY KEY
);
