-- Holds a bucket until the transaction ends: whoever comes next sees all that was done (rule M3). What is read has to be
-- read in a later statement, which then sees what was committed while this one waited. `p_wait` is in milliseconds.
CREATE FUNCTION {schema}.lock(p_bucket integer, p_wait integer) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  before text;
BEGIN
  -- At any other level the statements after the lock would still see what was there before it.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'revkv writes at READ COMMITTED only, not at %', upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'RKV01';
  END IF;
  IF pg_try_advisory_xact_lock({lock}, p_bucket) THEN RETURN; END IF;
  before := current_setting('lock_timeout');
  PERFORM set_config('lock_timeout', p_wait::text || 'ms', true);
  PERFORM pg_advisory_xact_lock({lock}, p_bucket);
  PERFORM set_config('lock_timeout', before, true);
END
$$;

-- Holds a bucket, and gives what it is then.
CREATE FUNCTION {schema}.hold(p_bucket integer, p_wait integer) RETURNS {schema}.bucket
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  b {schema}.bucket;
BEGIN
  -- What `lock` does when nobody holds the bucket, in place: a statement less in every transaction that writes.
  IF current_setting('transaction_isolation') <> 'read committed' OR NOT pg_try_advisory_xact_lock({lock}, p_bucket) THEN
    PERFORM {schema}.lock(p_bucket, p_wait);
  END IF;
  SELECT * INTO b FROM {schema}.bucket WHERE id = p_bucket;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the bucket was deleted' USING ERRCODE = 'RKV02';
  END IF;
  RETURN b;
END
$$;

-- An error unless this is the bucket that somebody knows by its incarnation: another database may have one of the same id.
CREATE FUNCTION {schema}.recognize(p_bucket integer, p_incarnation uuid) RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
  PERFORM 1 FROM {schema}.bucket b WHERE b.id = p_bucket AND b.incarnation = p_incarnation;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the bucket was deleted, or this is not its database' USING ERRCODE = 'RKV02';
  END IF;
END
$$;

-- The newest revision that was given, and the highest time of a write.
CREATE FUNCTION {schema}.head(b {schema}.bucket, OUT revision bigint, OUT created bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  SELECT e.revision, e.created INTO head.revision, head.created
  FROM {schema}.entry e WHERE e.bucket_id = b.id ORDER BY e.revision DESC LIMIT 1;
  revision := greatest(revision, b.revision);
  created := greatest(created, b.created);
END
$$;

-- Tells whether the history of a bucket reaches back to an entry; always, but while a lowered one is carried out.
CREATE FUNCTION {schema}.is_kept(b {schema}.bucket, p_key text, p_revision bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN b.trimming IS NULL OR b.history > (
    SELECT count(*) FROM (
      SELECT FROM {schema}.entry e
      WHERE e.bucket_id = b.id AND e.key = p_key AND e.revision > p_revision LIMIT b.history) newer);
END
$$;

-- The highest revision of a marker that purgeDeletes or its own expiry removed, those included that are due (rule W13).
CREATE FUNCTION {schema}.compacted_to(b {schema}.bucket, p_now bigint) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
  by_deadline bigint;
  by_age bigint;
BEGIN
  IF b.marker_ttl IS NOT NULL THEN
    SELECT max(e.revision) INTO by_deadline
    FROM {schema}.entry e WHERE e.bucket_id = b.id AND e.expires <= p_now AND e.op <> 0
      AND {schema}.is_kept(b, e.key, e.revision);
  END IF;
  IF b.ttl IS NOT NULL THEN
    SELECT e.revision INTO by_age
    FROM {schema}.entry e WHERE e.bucket_id = b.id AND e.op <> 0 AND e.created <= p_now - b.ttl
      AND {schema}.is_kept(b, e.key, e.revision)
    ORDER BY e.created DESC, e.revision DESC LIMIT 1;
  END IF;
  RETURN greatest(b.compacted_to, by_deadline, by_age);
END
$$;
