-- Removes what a lowered history does not allow a key any more, while that is being carried out (rule B6).
CREATE FUNCTION {schema}.trim_key(b {schema}.bucket, p_key text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  size bigint;
BEGIN
  WITH gone AS (
    DELETE FROM {schema}.entry e WHERE e.bucket_id = b.id AND e.key = p_key AND e.revision < (
      SELECT n.revision FROM {schema}.entry n WHERE n.bucket_id = b.id AND n.key = p_key
      ORDER BY n.revision DESC NULLS LAST OFFSET b.history - 1 LIMIT 1)
    RETURNING octet_length(e.key) + coalesce(octet_length(e.value), 0) AS size
  )
  SELECT sum(gone.size) INTO size FROM gone;
  IF b.max_bytes IS NOT NULL AND size IS NOT NULL THEN
    UPDATE {schema}.bucket SET bytes = bytes - size WHERE id = b.id;
  END IF;
END
$$;

-- Carries out the expiry of a key whose newest entry is due: with it goes all that the key has (rules T4, T9). Returns
-- the newest revision of the bucket then. The bucket is held.
CREATE FUNCTION {schema}.settle_key(b {schema}.bucket, p_key text, p_head bigint, p_stamp bigint, p_now bigint)
RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  newest_op smallint;
  compacted bigint;
  size bigint;
  head bigint := p_head;
BEGIN
  IF b.trimming IS NOT NULL THEN PERFORM {schema}.trim_key(b, p_key); END IF;
  -- Older markers that are due as well count, whether or not anybody looked when they fell due (rule W13).
  WITH gone AS (
    DELETE FROM {schema}.entry e WHERE e.bucket_id = b.id AND e.key = p_key
    RETURNING e.revision, e.op, octet_length(e.key) + coalesce(octet_length(e.value), 0) AS size,
      e.expires <= p_now OR e.created + b.ttl <= p_now AS due
  )
  SELECT (pg_catalog.array_agg(op ORDER BY revision DESC))[1], max(revision) FILTER (WHERE due AND op <> 0), sum(gone.size)
  INTO newest_op, compacted, size FROM gone;
  IF newest_op = 0 AND b.marker_ttl IS NOT NULL THEN
    head := head + 1;
    size := size - octet_length(p_key);
    INSERT INTO {schema}.entry (revision, created, expires, bucket_id, op, key)
    VALUES (head, p_stamp, p_stamp + b.marker_ttl, b.id, 3, p_key);
  END IF;
  UPDATE {schema}.bucket SET
    revision = greatest(revision, head),
    created = greatest(created, p_stamp),
    compacted_to = greatest(compacted_to, compacted),
    bytes = bytes - CASE WHEN max_bytes IS NULL THEN 0 ELSE size END
  WHERE id = b.id;
  RETURN head;
END
$$;

-- Carries out about `p_limit` due expiries of a bucket that is held. Returns how many entries were looked at, 0 when
-- nothing is due, and the newest revision then.
CREATE FUNCTION {schema}.settle_due(
  b {schema}.bucket, p_stamp bigint, p_now bigint, p_limit integer, INOUT head bigint, OUT looked integer
)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  due record;
  newest record;
BEGIN
  looked := 0;
  FOR due IN
    (SELECT e.revision, e.key FROM {schema}.entry e
      WHERE e.bucket_id = b.id AND e.expires <= p_now ORDER BY e.expires LIMIT p_limit)
    UNION ALL
    (SELECT o.revision, o.key
      FROM (SELECT e.revision, e.key, e.created FROM {schema}.entry e
        WHERE b.ttl IS NOT NULL AND e.bucket_id = b.id ORDER BY e.revision LIMIT p_limit) o
      WHERE o.created <= p_now - b.ttl)
  LOOP
    looked := looked + 1;
    -- What the history does not reach any more has gone by that, not by its expiry (rule W13).
    IF b.trimming IS NOT NULL THEN PERFORM {schema}.trim_key(b, due.key); END IF;
    SELECT e.created, e.expires INTO newest FROM {schema}.entry e
    WHERE e.bucket_id = b.id AND e.key = due.key ORDER BY e.revision DESC NULLS LAST LIMIT 1;
    IF newest.expires <= p_now OR newest.created + b.ttl <= p_now THEN
      head := {schema}.settle_key(b, due.key, head, p_stamp, p_now);
    ELSIF newest.created IS NOT NULL THEN
      PERFORM {schema}.remove_for_good(b, due.revision);
    END IF;
  END LOOP;
END
$$;

-- Removes an entry other than by history or purge, if it is there; when it is a marker, watchers can no longer learn of
-- it (rule W13). It is not the newest of the bucket.
CREATE FUNCTION {schema}.remove_for_good(b {schema}.bucket, p_revision bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  gone record;
BEGIN
  DELETE FROM {schema}.entry e WHERE e.bucket_id = b.id AND e.revision = p_revision
  RETURNING e.op, octet_length(e.key) + coalesce(octet_length(e.value), 0) AS size INTO gone;
  IF gone.op = 0 AND b.max_bytes IS NULL THEN RETURN; END IF;
  UPDATE {schema}.bucket SET
    compacted_to = greatest(compacted_to, CASE WHEN gone.op = 0 THEN 0 ELSE p_revision END),
    bytes = bytes - CASE WHEN max_bytes IS NULL THEN 0 ELSE gone.size END
  WHERE id = b.id AND gone.op IS NOT NULL;
END
$$;

-- Carries out due expiries of a bucket, and a page of the trimming that a lowered history asks for. Returns how many
-- entries and keys were looked at, 0 when nothing is left or another process is at it.
CREATE FUNCTION {schema}.sweep(p_bucket integer, p_limit integer, p_wait integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  b {schema}.bucket;
  h record;
  now bigint;
  settled record;
BEGIN
  IF NOT pg_try_advisory_xact_lock({sweeperLock}, p_bucket) THEN RETURN 0; END IF;
  b := {schema}.hold(p_bucket, p_wait);
  now := {now};
  h := {schema}.head(b);
  settled := {schema}.settle_due(b, greatest(now, h.created), now, p_limit, h.revision);
  RETURN settled.looked + {schema}.trim_page(b, p_limit);
END
$$;

-- Trims the next keys of a bucket whose history was lowered (rule B6). Returns how many were looked at.
CREATE FUNCTION {schema}.trim_page(b {schema}.bucket, p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  looked integer := 0;
  next text;
BEGIN
  IF b.trimming IS NULL THEN RETURN 0; END IF;
  FOR next IN
    SELECT DISTINCT ON (e.key) e.key FROM {schema}.entry e
    WHERE e.bucket_id = b.id AND e.key > b.trimming ORDER BY e.key LIMIT p_limit
  LOOP
    looked := looked + 1;
    PERFORM {schema}.trim_key(b, next);
  END LOOP;
  UPDATE {schema}.bucket SET trimming = CASE WHEN looked < p_limit THEN NULL ELSE next END WHERE id = b.id;
  RETURN looked;
END
$$;
