-- Replaces the config of a bucket if it still is `p_from`. What is due by the old one is carried out first, so that it
-- does not come back; a lowered history is carried out in pages afterwards, and reads see none of the rest meanwhile
-- (rules B6, T1). True when that is done, false when the config is another, null when a page of what comes first was
-- carried out and there is more.
CREATE FUNCTION {schema}.configure(
  p_bucket integer, p_from text, p_to text,
  p_history smallint, p_ttl bigint, p_marker_ttl bigint, p_max_value_size bigint, p_max_bytes bigint,
  p_limit integer, p_wait integer
)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  b {schema}.bucket;
  h record;
  now bigint;
  settled record;
BEGIN
  b := {schema}.hold(p_bucket, p_wait);
  IF b.config <> p_from THEN RETURN false; END IF;
  now := {now};
  h := {schema}.head(b);
  settled := {schema}.settle_due(b, greatest(now, h.created), now, p_limit, h.revision);
  IF settled.looked >= p_limit THEN RETURN NULL; END IF;
  -- What a lowered history has hidden must not come back with a raised one.
  IF p_history > b.history AND {schema}.trim_page(b, p_limit) >= p_limit THEN RETURN NULL; END IF;
  UPDATE {schema}.bucket SET
    config = p_to, history = p_history, ttl = p_ttl, marker_ttl = p_marker_ttl,
    max_value_size = p_max_value_size, max_bytes = p_max_bytes,
    trimming = CASE WHEN p_history < history THEN '' ELSE trimming END,
    bytes = CASE
      WHEN p_max_bytes IS NULL THEN 0
      WHEN max_bytes IS NOT NULL THEN bytes
      ELSE (SELECT coalesce(sum(octet_length(e.key) + coalesce(octet_length(e.value), 0)), 0)
        FROM {schema}.entry e WHERE e.bucket_id = p_bucket)
    END
  WHERE id = p_bucket;
  RETURN true;
END
$$;

-- Deletes a bucket; its entries are removed in pages afterwards, and nobody finds them meanwhile. Gives its id, or null
-- when there is none of this name.
CREATE FUNCTION {schema}.drop_bucket(p_name text, p_wait integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  dropped integer;
BEGIN
  SELECT id INTO dropped FROM {schema}.bucket WHERE name = p_name;
  IF NOT FOUND THEN RETURN NULL; END IF;
  PERFORM {schema}.hold(dropped, p_wait);
  DELETE FROM {schema}.bucket WHERE id = dropped;
  INSERT INTO {schema}.dropped_bucket (id) VALUES (dropped);
  RETURN dropped;
EXCEPTION WHEN SQLSTATE 'RKV02' THEN
  -- Somebody else deleted it while we waited.
  RETURN NULL;
END
$$;

-- Removes a page of the entries of buckets that were deleted. Returns how many, 0 when nothing is left to do.
CREATE FUNCTION {schema}.clean_up(p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  dropped integer;
  removed integer;
BEGIN
  SELECT d.id INTO dropped FROM {schema}.dropped_bucket d ORDER BY d.id LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN 0; END IF;
  DELETE FROM {schema}.entry e WHERE e.bucket_id = dropped AND e.revision IN (
    SELECT o.revision FROM {schema}.entry o WHERE o.bucket_id = dropped ORDER BY o.revision LIMIT p_limit);
  GET DIAGNOSTICS removed = ROW_COUNT;
  IF removed < p_limit THEN DELETE FROM {schema}.dropped_bucket WHERE id = dropped; END IF;
  RETURN removed + 1;
END
$$;

-- Carries out a page of purgeDeletes: of the next keys in order that have markers, those whose newest entry is one lose
-- all their entries when it is `p_older_than` milliseconds old, else all but it (rules P1, P2). `last` is the last key
-- looked at, null when there was none.
CREATE FUNCTION {schema}.purge_markers(
  p_bucket integer, p_older_than bigint, p_after text, p_limit integer, p_wait integer,
  OUT removed bigint, OUT looked integer, OUT last text
)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  b {schema}.bucket;
  h record;
  now bigint;
  stamp bigint;
  head bigint;
  newest record;
  gone record;
  compacted bigint;
  size bigint := 0;
BEGIN
  b := {schema}.hold(p_bucket, p_wait);
  now := {now};
  h := {schema}.head(b);
  head := h.revision;
  stamp := greatest(now, h.created);
  removed := 0;
  looked := 0;
  FOR last IN
    SELECT DISTINCT ON (e.key) e.key FROM {schema}.entry e
    WHERE e.bucket_id = b.id AND e.key > p_after AND e.op <> 0 ORDER BY e.key LIMIT p_limit
  LOOP
    looked := looked + 1;
    IF b.trimming IS NOT NULL THEN PERFORM {schema}.trim_key(b, last); END IF;
    SELECT e.revision, e.op, e.created, e.expires INTO newest FROM {schema}.entry e
    WHERE e.bucket_id = b.id AND e.key = last ORDER BY e.revision DESC NULLS LAST LIMIT 1;
    IF newest.expires <= now OR newest.created + b.ttl <= now THEN
      head := {schema}.settle_key(b, last, head, stamp, now);
      SELECT e.revision, e.op, e.created, e.expires INTO newest FROM {schema}.entry e
      WHERE e.bucket_id = b.id AND e.key = last ORDER BY e.revision DESC NULLS LAST LIMIT 1;
    END IF;
    CONTINUE WHEN newest.op IS NULL OR newest.op = 0;
    WITH d AS (
      DELETE FROM {schema}.entry e
      WHERE e.bucket_id = b.id AND e.key = last
        AND e.revision < newest.revision + CASE WHEN newest.created <= stamp - p_older_than THEN 1 ELSE 0 END
      RETURNING e.revision, e.op, octet_length(e.key) + coalesce(octet_length(e.value), 0) AS size
    )
    SELECT count(*) AS removed, max(d.revision) FILTER (WHERE d.op <> 0) AS compacted, sum(d.size) AS size INTO gone FROM d;
    removed := removed + gone.removed;
    compacted := greatest(compacted, gone.compacted);
    size := size + coalesce(gone.size, 0);
  END LOOP;
  IF removed > 0 THEN
    UPDATE {schema}.bucket SET
      revision = greatest(revision, head),
      created = greatest(created, stamp),
      compacted_to = greatest(compacted_to, compacted),
      bytes = bytes - CASE WHEN max_bytes IS NULL THEN 0 ELSE size END
    WHERE id = b.id;
  END IF;
END
$$;
