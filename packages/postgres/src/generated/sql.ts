// Generated from sql/ by scripts/generate.ts: edit those files, then run `npm run generate`.

/** The steps that build the schema, in order, by name. */
export const migrations = {
  "0001-tables": `-- Buckets: seldom written. A plain write touches only \`entry\`, since the newest revision is that of the newest row.
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

-- The log is the store. Times are in milliseconds since 1970; \`expires\` is an entry's own deadline.
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
);`,
  "0002-bucket": `-- Holds a bucket until the transaction ends: whoever comes next sees all that was done (rule M3). What is read has to be
-- read in a later statement, which then sees what was committed while this one waited. \`p_wait\` is in milliseconds.
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
  -- What \`lock\` does when nobody holds the bucket, in place: a statement less in every transaction that writes.
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
$$;`,
  "0003-settle": `-- Removes what a lowered history does not allow a key any more, while that is being carried out (rule B6).
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

-- Carries out about \`p_limit\` due expiries of a bucket that is held. Returns how many entries were looked at, 0 when
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
$$;`,
  "0004-commit": `-- Says why an operation on a key is refused, by the newest entry of the key; null when it is not (rules O3, O4, B9, T3).
-- Written so that it is put in place where it is called: every part is immutable.
CREATE FUNCTION {schema}.refusal(
  p_op smallint, p_length integer, p_expect bigint, p_life bigint,
  p_newest bigint, p_newest_op smallint, p_marker_ttl bigint, p_max_value_size bigint
)
RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN p_expect < 0 AND p_newest_op = 0 OR p_expect >= 0 AND p_expect <> coalesce(p_newest, 0)
      THEN 'c' || coalesce(p_newest, 0)::text
    WHEN p_op = 4 THEN NULL
    WHEN p_life IS NOT NULL AND p_marker_ttl IS NULL THEN 't'
    WHEN p_length > p_max_value_size THEN 'v' || p_max_value_size::text
  END
$$;

-- Carries out one operation on a bucket that is held: the newest revision before and after, and what it gave, or why it
-- was refused, as \`commit\` says it. A due expiry of the key comes first, and stays.
--   p_op      0 put, 1 delete, 2 purge, 4 check
--   p_expect  null: no condition; -1: the key is not live; else the revision of its newest entry, 0 for none
--   p_life    how long the entry lives, in milliseconds
CREATE FUNCTION {schema}.apply(
  b {schema}.bucket, p_now bigint, p_stamp bigint,
  p_op smallint, p_key text, p_value bytea, p_expect bigint, p_life bigint,
  INOUT head bigint, OUT revision bigint, OUT refusal text
)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  newest record;
BEGIN
  IF b.trimming IS NOT NULL THEN PERFORM {schema}.trim_key(b, p_key); END IF;
  SELECT e.revision, e.op, e.created, e.expires INTO newest FROM {schema}.entry e
  WHERE e.bucket_id = b.id AND e.key = p_key ORDER BY e.revision DESC NULLS LAST LIMIT 1;
  IF newest.expires <= p_now OR newest.created + b.ttl <= p_now THEN
    head := {schema}.settle_key(b, p_key, head, p_stamp, p_now);
    SELECT e.revision, e.op, e.created, e.expires INTO newest FROM {schema}.entry e
    WHERE e.bucket_id = b.id AND e.key = p_key ORDER BY e.revision DESC NULLS LAST LIMIT 1;
  END IF;
  refusal := {schema}.refusal(
    p_op, octet_length(p_value), p_expect, p_life, newest.revision, newest.op, b.marker_ttl, b.max_value_size);
  IF refusal IS NOT NULL THEN RETURN; END IF;
  IF p_op = 4 THEN
    revision := coalesce(newest.revision, 0);
    RETURN;
  END IF;
  head := head + 1;
  revision := head;
  IF newest.revision IS NOT NULL AND b.history = 1 THEN
    -- The one entry of the key gives its place to the new one.
    UPDATE {schema}.entry e
    SET revision = head, created = p_stamp, expires = p_stamp + p_life, op = p_op, value = p_value
    WHERE e.bucket_id = b.id AND e.revision = newest.revision;
    RETURN;
  END IF;
  IF p_op = 2 THEN
    DELETE FROM {schema}.entry e WHERE e.bucket_id = b.id AND e.key = p_key;
  ELSIF newest.revision IS NOT NULL THEN
    -- Found from the newest on, and removed by its revision: versions that no vacuum may take yet are not walked through.
    DELETE FROM {schema}.entry e WHERE e.bucket_id = b.id AND e.revision = (
      SELECT n.revision FROM {schema}.entry n WHERE n.bucket_id = b.id AND n.key = p_key
      ORDER BY n.revision DESC NULLS LAST OFFSET b.history - 1 LIMIT 1);
  END IF;
  INSERT INTO {schema}.entry (revision, created, expires, bucket_id, op, key, value)
  VALUES (head, p_stamp, p_stamp + p_life, b.id, p_op, p_key, p_value);
END
$$;

-- What keys and values of some keys add up to. No key has more entries than the history allows: what is behind them are
-- versions that no vacuum may take yet.
CREATE FUNCTION {schema}.size_of(b {schema}.bucket, p_keys text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (
    SELECT coalesce(sum(octet_length(n.key) + coalesce(octet_length(n.value), 0)), 0)
    FROM (SELECT DISTINCT i.key FROM pg_catalog.unnest(p_keys) AS i (key)) k, LATERAL (
      SELECT e.key, e.value FROM {schema}.entry e
      WHERE e.bucket_id = b.id AND e.key = k.key ORDER BY e.revision DESC NULLS LAST LIMIT b.history
    ) n);
END
$$;

-- The functions that are called from outside keep the plans of all that they do to the indexes, in the indexes' order:
-- else a plan that was made while the table was small would scan it later, and one that sorts what it finds would walk
-- through all versions of a key that no vacuum may take yet. Joins look rows up one by one for the same reason.

-- Carries out units in order, each all or nothing, in one transaction (rules M1, M3, O10). \`p_sizes\` says how many
-- operations each unit has; null: one. Null as well: no operation but puts, no conditions, no lives. \`p_later\` says how
-- many operations behind each one have its key. Gives one word per unit: the revisions of its operations with commas
-- between, or what it was refused for: \`c\` and the revision found, \`v\` and the largest value, \`t\`, \`b\` and the largest
-- bucket, then \`@\` and the index of the operation. Or, for all units: \`+\` and the first of their revisions.
CREATE FUNCTION {schema}.commit(
  p_bucket integer, p_sizes integer[], p_ops smallint[], p_keys text[], p_values bytea[],
  p_expects bigint[], p_lives bigint[], p_later integer[], p_wait integer
)
RETURNS text
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  b {schema}.bucket;
  h record;
  now bigint;
  stamp bigint;
  head bigint;
  result record;
  size integer;
  last integer;
  first integer := 1;
  outcomes text[] := '{}';
BEGIN
  b := {schema}.hold(p_bucket, p_wait);
  now := {now};
  h := {schema}.head(b);
  head := h.revision;
  stamp := greatest(now, h.created);
  IF p_sizes IS NULL AND pg_catalog.cardinality(p_keys) >= 5 AND {schema}.is_simple(b, p_ops) THEN
    IF p_expects IS NULL AND p_lives IS NULL AND (b.max_value_size IS NULL OR {schema}.fit(p_values, b.max_value_size)) THEN
      RETURN {schema}.write_together(b.id, b.history, stamp, head, p_ops, p_keys, p_values, p_later);
    END IF;
    FOREACH last IN ARRAY {schema}.runs(p_keys) LOOP
      IF last - first >= 5 THEN
        result := {schema}.judge_together(b.id, b.history, b.max_value_size, stamp, p_ops[first:last], p_keys[first:last],
          p_values[first:last], p_expects[first:last], p_lives[first:last], head);
        outcomes := pg_catalog.array_cat(outcomes, result.outcomes);
        head := result.head;
        first := last + 1;
      END IF;
      FOR i IN first .. last LOOP
        result := {schema}.apply(
          b, now, stamp, coalesce(p_ops[i], 0::smallint), p_keys[i], p_values[i], p_expects[i], p_lives[i], head);
        outcomes := pg_catalog.array_append(outcomes, coalesce(result.refusal || '@0', result.revision::text));
        head := result.head;
      END LOOP;
      first := last + 1;
    END LOOP;
    RETURN pg_catalog.array_to_string(outcomes, ' ');
  END IF;
  FOREACH size IN ARRAY coalesce(p_sizes, pg_catalog.array_fill(1, ARRAY[pg_catalog.cardinality(p_keys)])) LOOP
    IF size = 1 AND b.max_bytes IS NULL THEN
      result := {schema}.apply(
        b, now, stamp, coalesce(p_ops[first], 0::smallint), p_keys[first], p_values[first], p_expects[first], p_lives[first], head);
      outcomes := pg_catalog.array_append(outcomes, coalesce(result.refusal || '@0', result.revision::text));
    ELSE
      result := {schema}.transact(b, now, stamp, p_ops[first:first + size - 1], p_keys[first:first + size - 1],
        p_values[first:first + size - 1], p_expects[first:first + size - 1], p_lives[first:first + size - 1], head);
      outcomes := pg_catalog.array_append(outcomes, result.outcome);
    END IF;
    head := result.head;
    first := first + size;
  END LOOP;
  RETURN pg_catalog.array_to_string(outcomes, ' ');
END
$$;

-- Carries out one unit all or nothing; the limit of the bucket's bytes is judged on what it leaves (rules O10, B10).
CREATE FUNCTION {schema}.transact(
  b {schema}.bucket, p_now bigint, p_stamp bigint,
  p_ops smallint[], p_keys text[], p_values bytea[], p_expects bigint[], p_lives bigint[],
  INOUT head bigint, OUT outcome text
)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  before bigint;
  grown bigint;
  result record;
  settled record;
  revisions bigint[];
  refusal text;
  is_full boolean;
BEGIN
  -- Due expiries come first, in the order of the operations, and stay whatever becomes of the unit (rule T9).
  FOR result IN
    SELECT k.key FROM pg_catalog.unnest(p_keys) WITH ORDINALITY AS k (key, place) GROUP BY k.key ORDER BY min(k.place)
  LOOP
    IF b.trimming IS NOT NULL THEN PERFORM {schema}.trim_key(b, result.key); END IF;
    PERFORM 1 FROM (
      SELECT e.created, e.expires FROM {schema}.entry e
      WHERE e.bucket_id = b.id AND e.key = result.key ORDER BY e.revision DESC NULLS LAST LIMIT 1) n
    WHERE n.expires <= p_now OR n.created + b.ttl <= p_now;
    IF FOUND THEN head := {schema}.settle_key(b, result.key, head, p_stamp, p_now); END IF;
  END LOOP;
  LOOP
    before := head;
    revisions := '{}';
    refusal := NULL;
    is_full := false;
    IF b.max_bytes IS NOT NULL THEN grown := -{schema}.size_of(b, p_keys); END IF;
    BEGIN
      FOR i IN 1 .. pg_catalog.cardinality(p_keys) LOOP
        result := {schema}.apply(
          b, p_now, p_stamp, coalesce(p_ops[i], 0::smallint), p_keys[i], p_values[i], p_expects[i], p_lives[i], head);
        refusal := result.refusal || '@' || (i - 1)::text;
        IF refusal IS NOT NULL THEN RAISE EXCEPTION 'refused' USING ERRCODE = 'RKV00'; END IF;
        head := result.head;
        revisions := pg_catalog.array_append(revisions, result.revision);
      END LOOP;
      IF b.max_bytes IS NOT NULL THEN
        grown := grown + {schema}.size_of(b, p_keys);
        UPDATE {schema}.bucket SET bytes = bytes + grown WHERE id = b.id
        RETURNING grown > 0 AND bytes > max_bytes AND (p_ops IS NULL OR 0 = ANY (p_ops)) INTO is_full;
        IF is_full THEN
          refusal := 'b' || b.max_bytes::text || '@0';
          RAISE EXCEPTION 'refused' USING ERRCODE = 'RKV00';
        END IF;
      END IF;
    EXCEPTION WHEN SQLSTATE 'RKV00' THEN
      head := before;
    END;
    EXIT WHEN NOT is_full;
    -- Room that due expiries and trimming give back counts: they are carried out, then the unit is judged again.
    settled := {schema}.settle_due(b, p_stamp, p_now, 1000, head);
    head := settled.head;
    IF settled.looked = 0 THEN
      EXIT WHEN {schema}.trim_page(b, 1000) = 0;
      SELECT * INTO b FROM {schema}.bucket WHERE id = b.id;
    END IF;
  END LOOP;
  outcome := coalesce(refusal, pg_catalog.array_to_string(revisions, ','));
END
$$;

-- Tells whether single writes can be carried out many at once: nothing expires in the bucket, and no bytes are counted.
CREATE FUNCTION {schema}.is_simple(b {schema}.bucket, p_ops smallint[]) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN b.ttl IS NULL AND b.marker_ttl IS NULL AND b.max_bytes IS NULL AND b.trimming IS NULL
    AND (p_ops IS NULL OR 4 <> ALL (p_ops) AND (b.history = 1 OR 2 <> ALL (p_ops)));
END
$$;

-- Tells whether no value is longer than allowed.
CREATE FUNCTION {schema}.fit(p_values bytea[], p_max_value_size bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN NOT EXISTS (SELECT FROM pg_catalog.unnest(p_values) AS v (value) WHERE octet_length(v.value) > p_max_value_size);
END
$$;

-- Where runs of different keys end: each as long as possible, in order.
CREATE FUNCTION {schema}.runs(p_keys text[]) RETURNS integer[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
  again record;
  first integer := 1;
  ends integer[] := '{}';
BEGIN
  FOR again IN
    SELECT o.place, o.before FROM (
      SELECT k.place, pg_catalog.lag(k.place) OVER (PARTITION BY k.key ORDER BY k.place) AS before
      FROM pg_catalog.unnest(p_keys) WITH ORDINALITY AS k (key, place)
    ) o WHERE o.before IS NOT NULL ORDER BY o.place
  LOOP
    IF again.before >= first THEN
      ends := pg_catalog.array_append(ends, (again.place - 1)::integer);
      first := again.place;
    END IF;
  END LOOP;
  RETURN pg_catalog.array_append(ends, pg_catalog.cardinality(p_keys));
END
$$;

-- Carries out simple writes that have no condition, at the revisions behind \`p_head\`; gives what \`commit\` does. What
-- later ones of the same commit push out of the history is never written.
CREATE FUNCTION {schema}.write_together(
  p_bucket integer, p_history smallint, p_stamp bigint, p_head bigint,
  p_ops smallint[], p_keys text[], p_values bytea[], p_later integer[]
)
RETURNS text
LANGUAGE plpgsql VOLATILE SET enable_sort = off AS $$
DECLARE
  -- Within so many revisions entries are looked for beyond the newest of their key.
  recent CONSTANT integer := 4000;
  replaced integer := 0;
BEGIN
  IF p_history = 1 THEN
    -- The one entry of a key gives its place to the new one. The first search goes on through what was overwritten
    -- lately: what nobody can see any more is marked in the index by that, and its room is used again without a vacuum.
    -- Its order keeps it on that index, since nothing may be sorted here. While old transactions forbid it, there are not
    -- more versions to look at than revisions.
    UPDATE {schema}.entry e
    SET revision = p_head + i.place, created = p_stamp, expires = NULL, op = coalesce(i.op, 0), value = i.value
    FROM unnest(p_ops, p_keys, p_values, p_later) WITH ORDINALITY AS i (op, key, value, later, place)
    WHERE i.later = 0 AND e.ctid = coalesce(
      (SELECT n.ctid FROM {schema}.entry n
        WHERE n.bucket_id = p_bucket AND n.key = i.key AND n.revision > p_head - recent
        ORDER BY n.revision DESC NULLS LAST),
      (SELECT n.ctid FROM {schema}.entry n
        WHERE n.bucket_id = p_bucket AND n.key = i.key ORDER BY n.revision DESC NULLS LAST LIMIT 1));
    GET DIAGNOSTICS replaced = ROW_COUNT;
  END IF;
  IF replaced < pg_catalog.cardinality(pg_catalog.array_positions(p_later, 0)) THEN
    INSERT INTO {schema}.entry (revision, created, bucket_id, op, key, value)
    SELECT p_head + i.place, p_stamp, p_bucket, coalesce(i.op, 0), i.key, i.value
    FROM unnest(p_ops, p_keys, p_values, p_later) WITH ORDINALITY AS i (op, key, value, later, place)
    WHERE i.later < p_history AND (replaced = 0 OR NOT EXISTS (
      SELECT FROM {schema}.entry e WHERE e.bucket_id = p_bucket AND e.key = i.key));
  END IF;
  IF p_history > 1 THEN
    -- For each entry that came the one goes, if there is one, that it pushes out. Found from the newest on: versions that
    -- no vacuum may take yet are not walked through.
    DELETE FROM {schema}.entry e
    USING unnest(p_keys, p_later) AS i (key, later), LATERAL (
      SELECT o.ctid AS tid FROM {schema}.entry o
      WHERE o.bucket_id = p_bucket AND o.key = i.key ORDER BY o.revision DESC NULLS LAST OFFSET p_history + i.later LIMIT 1
    ) n
    WHERE i.later < p_history AND e.ctid = n.tid;
  END IF;
  RETURN '+' || (p_head + 1)::text;
END
$$;

-- Carries out simple writes on different keys, each judged by its condition, in one statement: it costs half of what as
-- many single ones do.
CREATE FUNCTION {schema}.judge_together(
  p_bucket integer, p_history smallint, p_max_value_size bigint, p_stamp bigint,
  p_ops smallint[], p_keys text[], p_values bytea[], p_expects bigint[], p_lives bigint[],
  INOUT head bigint, OUT outcomes text[]
)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  WITH judged AS MATERIALIZED (
    SELECT i.place, coalesce(i.op, 0::smallint) AS op, i.key, i.value, n.revision AS newest,
      {schema}.refusal(coalesce(i.op, 0::smallint), octet_length(i.value), i.expect, i.life, n.revision, n.op, NULL, p_max_value_size) AS refusal
    FROM unnest(p_ops, p_keys, p_values, p_expects, p_lives) WITH ORDINALITY AS i (op, key, value, expect, life, place)
    LEFT JOIN LATERAL (
      SELECT e.revision, e.op FROM {schema}.entry e
      WHERE e.bucket_id = p_bucket AND e.key = i.key ORDER BY e.revision DESC NULLS LAST LIMIT 1
    ) n ON true
  ), numbered AS MATERIALIZED (
    SELECT j.*, head + count(*) FILTER (WHERE j.refusal IS NULL) OVER (ORDER BY j.place) AS revision FROM judged j
  ), replaced AS (
    UPDATE {schema}.entry e SET revision = j.revision, created = p_stamp, expires = NULL, op = j.op, value = j.value
    FROM numbered j
    WHERE p_history = 1 AND j.refusal IS NULL AND e.bucket_id = p_bucket AND e.revision = j.newest
  ), trimmed AS (
    DELETE FROM {schema}.entry e USING numbered j
    WHERE p_history > 1 AND j.refusal IS NULL AND e.bucket_id = p_bucket AND e.revision = (
      SELECT n.revision FROM {schema}.entry n WHERE n.bucket_id = p_bucket AND n.key = j.key
      ORDER BY n.revision DESC NULLS LAST OFFSET p_history - 1 LIMIT 1)
  ), added AS (
    INSERT INTO {schema}.entry (revision, created, bucket_id, op, key, value)
    SELECT j.revision, p_stamp, p_bucket, j.op, j.key, j.value FROM numbered j
    WHERE j.refusal IS NULL AND (p_history > 1 OR j.newest IS NULL)
  )
  SELECT pg_catalog.array_agg(coalesce(j.refusal || '@0', j.revision::text) ORDER BY j.place), max(j.revision)
  INTO outcomes, head FROM numbered j;
END
$$;

-- Carries out one write by itself: what \`commit\` does, in one function for the usual case, since most writes come alone.
-- Every statement and every expression counts here: each is got ready anew in every transaction.
CREATE FUNCTION {schema}.write(
  p_bucket integer, p_op smallint, p_key text, p_value bytea, p_expect bigint, p_life bigint, p_wait integer
)
RETURNS text
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  is_usual boolean;
  depth smallint;
  given bigint;
  stamp bigint;
  place tid;
  refused text;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' OR NOT pg_try_advisory_xact_lock({lock}, p_bucket) THEN
    PERFORM {schema}.lock(p_bucket, p_wait);
  END IF;
  SELECT
    b.max_bytes IS NULL AND b.trimming IS NULL AND p_op <> 4
      AND (n.expires <= b.now OR n.created + b.ttl <= b.now) IS NOT TRUE,
    b.history, greatest(b.revision, h.revision) + 1, greatest(b.now, b.created, h.created), n.ctid,
    {schema}.refusal(p_op, octet_length(p_value), p_expect, p_life, n.revision, n.op, b.marker_ttl, b.max_value_size)
  INTO is_usual, depth, given, stamp, place, refused
  FROM (SELECT o.*, {now} AS now FROM {schema}.bucket o WHERE o.id = p_bucket OFFSET 0) b
  LEFT JOIN LATERAL (
    SELECT e.revision, e.created FROM {schema}.entry e WHERE e.bucket_id = p_bucket ORDER BY e.revision DESC LIMIT 1
  ) h ON true
  LEFT JOIN LATERAL (
    SELECT e.ctid, e.revision, e.op, e.created, e.expires FROM {schema}.entry e
    WHERE e.bucket_id = p_bucket AND e.key = p_key ORDER BY e.revision DESC NULLS LAST LIMIT 1
  ) n ON true;
  IF is_usual IS NOT TRUE THEN
    RETURN {schema}.commit(
      p_bucket, ARRAY[1], ARRAY[p_op], ARRAY[p_key], ARRAY[p_value], ARRAY[p_expect], ARRAY[p_life], ARRAY[0], p_wait);
  END IF;
  IF refused IS NOT NULL THEN RETURN refused || '@0'; END IF;
  IF depth = 1 AND place IS NOT NULL THEN
    UPDATE {schema}.entry e
    SET revision = given, created = stamp, expires = stamp + p_life, op = p_op, value = p_value
    WHERE e.ctid = place;
    RETURN given;
  END IF;
  IF p_op = 2 THEN
    DELETE FROM {schema}.entry e WHERE e.bucket_id = p_bucket AND e.key = p_key;
  ELSIF place IS NOT NULL THEN
    DELETE FROM {schema}.entry e WHERE e.bucket_id = p_bucket AND e.revision = (
      SELECT n.revision FROM {schema}.entry n WHERE n.bucket_id = p_bucket AND n.key = p_key
      ORDER BY n.revision DESC NULLS LAST OFFSET depth - 1 LIMIT 1);
  END IF;
  INSERT INTO {schema}.entry (revision, created, expires, bucket_id, op, key, value)
  VALUES (given, stamp, stamp + p_life, p_bucket, p_op, p_key, p_value);
  RETURN given;
END
$$;`,
  "0005-administer": `-- Replaces the config of a bucket if it still is \`p_from\`. What is due by the old one is carried out first, so that it
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
-- all their entries when it is \`p_older_than\` milliseconds old, else all but it (rules P1, P2). \`last\` is the last key
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
$$;`,
  "0006-read": `-- A bucket for readers: as of the moment of the statement that asks, unlike in \`hold\`; an error when it was deleted
-- (rule B11).
CREATE FUNCTION {schema}.existing(p_bucket integer) RETURNS {schema}.bucket
LANGUAGE plpgsql STABLE AS $$
DECLARE
  b {schema}.bucket;
BEGIN
  SELECT * INTO b FROM {schema}.bucket WHERE id = p_bucket;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the bucket was deleted' USING ERRCODE = 'RKV02';
  END IF;
  RETURN b;
END
$$;

-- Tells whether readers see an entry of a bucket where entries expire or are being trimmed: it is not due itself, the
-- newest of its key is not due, and no more than the history allows are newer (rules T1, T4, B6).
CREATE FUNCTION {schema}.visible(
  b {schema}.bucket, p_now bigint, p_key text, p_revision bigint, p_created bigint, p_expires bigint
)
RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
  newest record;
BEGIN
  IF p_expires <= p_now OR p_created + b.ttl <= p_now THEN RETURN false; END IF;
  -- The entry is there, so that the first one from its key on is the newest of its key.
  SELECT e.revision, e.created, e.expires INTO newest FROM {schema}.entry e
  WHERE e.bucket_id = b.id AND e.key >= p_key ORDER BY e.key, e.revision DESC NULLS LAST LIMIT 1;
  IF newest.revision = p_revision THEN RETURN true; END IF;
  IF newest.expires <= p_now THEN RETURN false; END IF;
  RETURN {schema}.is_kept(b, p_key, p_revision);
END
$$;

-- What \`read_log\` gives, one row for each entry, at least one: without a key it stands for an empty page.
CREATE TYPE {schema}.log_page AS (
  head bigint,
  compacted_to bigint,
  now bigint,
  ttl bigint,
  -- How far was looked; the entries may stop before, when they are as many as were asked for.
  looked bigint,
  -- All revisions of the filter up to there, where they were sorted; in the first row.
  sorted bigint[],
  revision bigint,
  op smallint,
  created bigint,
  expires bigint,
  size integer,
  key text,
  value text
);

-- Reads a page of the log, all of one moment: entries of the ranges [from, to) behind \`p_after\`, in revision order. No
-- ranges: all keys. Few revisions to look through, or no ranges: along the log. Else along the keys of the ranges, which
-- are sorted once: \`p_known\` are the next of the revisions that an earlier page gave as \`sorted\`, and no other is there up
-- to \`p_known_to\`.
CREATE FUNCTION {schema}.read_log(
  p_bucket integer, p_after bigint, p_up_to bigint, p_from text[], p_to text[], p_newest_only boolean,
  p_values boolean, p_limit integer, p_max_bytes bigint, p_known bigint[], p_known_to bigint
)
RETURNS SETOF {schema}.log_page
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  -- As many revisions are sorted, or looked through in a page, at the most.
  most CONSTANT integer := 10000;
  b {schema}.bucket;
  h record;
  page {schema}.log_page;
  target bigint;
  is_plain boolean;
  first bigint;
  hits bigint[];
BEGIN
  b := {schema}.existing(p_bucket);
  h := {schema}.head(b);
  page.head := h.revision;
  page.now := {now};
  page.ttl := b.ttl;
  page.compacted_to := {schema}.compacted_to(b, page.now);
  is_plain := b.ttl IS NULL AND b.marker_ttl IS NULL AND b.trimming IS NULL;
  target := least(p_up_to, page.head);
  page.looked := target;
  IF p_after >= target THEN
    RETURN NEXT page;
    RETURN;
  END IF;
  IF p_known IS NOT NULL THEN
    hits := p_known;
    page.looked := least(p_known_to, target);
  ELSIF p_from IS NOT NULL AND target - p_after > most THEN
    SELECT pg_catalog.array_agg(f.revision ORDER BY f.revision) INTO hits FROM (
      SELECT e.revision FROM unnest(p_from, p_to) AS r (low, high), LATERAL (
        SELECT n.revision FROM {schema}.entry n
        WHERE n.bucket_id = p_bucket AND n.key >= r.low AND n.key < r.high AND n.revision > p_after AND n.revision <= target
      ) e LIMIT most + 1) f;
    hits := coalesce(hits, '{}');
    IF pg_catalog.cardinality(hits) > most THEN hits := NULL; END IF;
  END IF;
  IF hits IS NOT NULL THEN
    IF p_known IS NULL THEN page.sorted := hits; END IF;
    IF pg_catalog.cardinality(hits) > p_limit THEN
      page.looked := hits[p_limit];
      hits := hits[:p_limit];
    END IF;
    RETURN QUERY SELECT page.head, page.compacted_to, page.now, page.ttl, page.looked,
      CASE WHEN c.rank = 1 THEN page.sorted END,
      c.revision, c.op, c.created, c.expires, c.size, c.key,
      CASE WHEN p_values THEN encode(c.value, 'base64') END
    FROM (
      SELECT f.*, sum(f.size) OVER (ORDER BY f.revision) AS total, row_number() OVER (ORDER BY f.revision) AS rank FROM (
        SELECT e.revision, e.op, e.created, e.expires, coalesce(octet_length(e.value), 0) AS size, e.key, e.value
        FROM pg_catalog.unnest(hits) AS k (revision) JOIN {schema}.entry e ON e.bucket_id = p_bucket AND e.revision = k.revision
        WHERE (is_plain OR {schema}.visible(b, page.now, e.key, e.revision, e.created, e.expires))
          AND CASE WHEN p_newest_only THEN e.revision = (
            SELECT n.revision FROM {schema}.entry n WHERE n.bucket_id = p_bucket AND n.key = e.key
            ORDER BY n.revision DESC NULLS LAST LIMIT 1) ELSE true END
      ) f
    ) c
    WHERE NOT p_values OR c.total - c.size < p_max_bytes
    ORDER BY c.revision;
  ELSE
    IF p_from IS NOT NULL OR p_newest_only OR NOT is_plain THEN
      SELECT e.revision INTO first FROM {schema}.entry e
      WHERE e.bucket_id = p_bucket AND e.revision > p_after ORDER BY e.revision LIMIT 1;
      page.looked := least(target, first + most);
    END IF;
    RETURN QUERY SELECT page.head, page.compacted_to, page.now, page.ttl, page.looked, NULL::bigint[],
      c.revision, c.op, c.created, c.expires, c.size, c.key,
      CASE WHEN p_values THEN encode(c.value, 'base64') END
    FROM (
      SELECT f.*, sum(f.size) OVER (ORDER BY f.revision) AS total FROM (
        SELECT e.revision, e.op, e.created, e.expires, coalesce(octet_length(e.value), 0) AS size, e.key, e.value
        FROM {schema}.entry e
        WHERE e.bucket_id = p_bucket AND e.revision > p_after AND e.revision <= page.looked
          -- Tested for each entry of the log: the index of keys would give them in another order.
          AND CASE WHEN p_from IS NULL THEN true
            ELSE EXISTS (SELECT FROM unnest(p_from, p_to) AS r (low, high) WHERE e.key >= r.low AND e.key < r.high) END
          AND (is_plain OR {schema}.visible(b, page.now, e.key, e.revision, e.created, e.expires))
          AND CASE WHEN p_newest_only THEN e.revision = (
            SELECT n.revision FROM {schema}.entry n WHERE n.bucket_id = p_bucket AND n.key = e.key
            ORDER BY n.revision DESC NULLS LAST LIMIT 1) ELSE true END
        ORDER BY e.revision LIMIT p_limit
      ) f
    ) c
    WHERE NOT p_values OR c.total - c.size < p_max_bytes
    ORDER BY c.revision;
  END IF;
  IF NOT FOUND THEN RETURN NEXT page; END IF;
END
$$;

-- What \`read_keys\` gives for each key that was looked at, live or not, in key order; at least one row, without a key when
-- there was none. Only live keys have a value.
CREATE TYPE {schema}.key_page AS (
  now bigint,
  ttl bigint,
  revision bigint,
  op smallint,
  created bigint,
  expires bigint,
  size integer,
  is_live boolean,
  key text,
  value text
);

-- Reads the newest entries of a page of keys of the ranges [from, to) behind \`p_after\`, all of one moment.
CREATE FUNCTION {schema}.read_keys(
  p_bucket integer, p_after text, p_from text[], p_to text[], p_values boolean, p_limit integer, p_max_bytes bigint
)
RETURNS SETOF {schema}.key_page
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  b {schema}.bucket;
  now bigint;
  room integer := p_limit;
  bytes bigint := 0;
  low text;
  high text;
  item {schema}.key_page;
BEGIN
  b := {schema}.existing(p_bucket);
  now := {now};
  -- By byte, as keys are: the database may sort otherwise.
  FOR low, high IN
    SELECT greatest(r.low COLLATE "C", p_after COLLATE "C"), r.high FROM unnest(p_from, p_to) AS r (low, high)
    WHERE r.high COLLATE "C" > p_after COLLATE "C"
  LOOP
    FOR item IN
      SELECT now, b.ttl, c.revision, c.op, c.created, c.expires, c.size, c.is_live, c.key,
        CASE WHEN c.is_live AND p_values THEN encode(c.value, 'base64') END
      FROM (
        SELECT k.*, sum(CASE WHEN k.is_live THEN k.size ELSE 0 END) OVER (ORDER BY k.key) AS total FROM (
          SELECT DISTINCT ON (e.key) e.revision, e.op, e.created, e.expires, e.key, e.value,
            coalesce(octet_length(e.value), 0) AS size,
            e.op = 0 AND coalesce(e.expires > now, true) AND coalesce(e.created + b.ttl > now, true) AS is_live
          FROM {schema}.entry e
          WHERE e.bucket_id = p_bucket AND e.key >= low AND e.key < high AND e.key > p_after
          ORDER BY e.key, e.revision DESC NULLS LAST LIMIT room
        ) k
      ) c
      WHERE NOT p_values OR bytes + c.total - c.size < p_max_bytes
      ORDER BY c.key
    LOOP
      RETURN NEXT item;
      room := room - 1;
      IF item.is_live AND p_values THEN bytes := bytes + item.size; END IF;
    END LOOP;
    EXIT WHEN room = 0 OR bytes >= p_max_bytes;
  END LOOP;
  IF room = p_limit THEN
    item := NULL;
    item.now := now;
    RETURN NEXT item;
  END IF;
END
$$;

-- What a bucket is and holds, as readers see it, of one moment (rule B8).
CREATE FUNCTION {schema}.describe(
  p_bucket integer, OUT config text, OUT head bigint, OUT compacted_to bigint, OUT kept bigint, OUT bytes bigint
)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  b {schema}.bucket;
  h record;
  now bigint;
BEGIN
  b := {schema}.existing(p_bucket);
  now := {now};
  h := {schema}.head(b);
  config := b.config;
  head := h.revision;
  compacted_to := {schema}.compacted_to(b, now);
  IF b.ttl IS NULL AND b.marker_ttl IS NULL AND b.trimming IS NULL THEN
    SELECT count(*), coalesce(sum(octet_length(e.key) + coalesce(octet_length(e.value), 0)), 0) INTO kept, bytes
    FROM {schema}.entry e WHERE e.bucket_id = p_bucket;
    RETURN;
  END IF;
  -- In one pass along the keys: an entry counts when neither it nor the newest of its key is due, within the history.
  SELECT count(*), coalesce(sum(s.size), 0) INTO kept, bytes FROM (
    SELECT octet_length(e.key) + coalesce(octet_length(e.value), 0) AS size, e.created, e.expires,
      pg_catalog.first_value(e.expires) OVER newest_first AS newest_expires, row_number() OVER newest_first AS place
    FROM {schema}.entry e WHERE e.bucket_id = p_bucket
    WINDOW newest_first AS (PARTITION BY e.key ORDER BY e.revision DESC NULLS LAST)
  ) s
  WHERE coalesce(s.expires > now, true) AND coalesce(s.newest_expires > now, true)
    AND coalesce(s.created + b.ttl > now, true) AND s.place <= b.history;
END
$$;`,
} as const;

/** The statements, by name. */
export const queries = {
  bucketNames: `SELECT b.name FROM {schema}.bucket b WHERE b.name > $1 ORDER BY b.name LIMIT $2`,
  cleanUp: `SELECT {schema}.clean_up($1) AS removed`,
  commit: `SELECT {schema}.commit($1, $2, $3, $4, $5, $6, $7, $8, $9) AS outcomes`,
  configure: `SELECT {schema}.configure($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS done`,
  createBucket: `INSERT INTO {schema}.bucket (name, config, history, ttl, marker_ttl, max_value_size, max_bytes)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (name) DO NOTHING
RETURNING id, incarnation::text`,
  describe: `SELECT d.config, d.head, d.compacted_to, d.kept, d.bytes FROM {schema}.describe($1) d`,
  dropBucket: `SELECT {schema}.drop_bucket($1, $2) AS id`,
  due: `-- Buckets that have something to be swept, now or later, and in how many milliseconds, those behind $1 first; without an
-- id: buckets that were deleted are to be cleaned up.
(SELECT b.id, CASE WHEN b.trimming IS NOT NULL THEN 0
  WHEN d.expires IS NOT NULL OR a.created IS NOT NULL THEN greatest(0, least(d.expires, a.created + b.ttl) - {now}) END AS wait
FROM {schema}.bucket b
LEFT JOIN LATERAL (
  SELECT e.expires FROM {schema}.entry e WHERE e.bucket_id = b.id AND e.expires IS NOT NULL ORDER BY e.expires LIMIT 1
) d ON b.marker_ttl IS NOT NULL
LEFT JOIN LATERAL (
  SELECT e.created FROM {schema}.entry e WHERE e.bucket_id = b.id ORDER BY e.revision LIMIT 1
) a ON b.ttl IS NOT NULL
WHERE b.ttl IS NOT NULL OR b.marker_ttl IS NOT NULL OR b.trimming IS NOT NULL
ORDER BY b.id <= $1, b.id)
UNION ALL
(SELECT NULL, 0 FROM {schema}.dropped_bucket LIMIT 1)`,
  findBucket: `SELECT b.id, b.incarnation::text, b.config FROM {schema}.bucket b WHERE b.name = $1`,
  head: `SELECT ({schema}.head(b.row)).revision, {schema}.compacted_to(b.row, {now}) AS compacted_to
FROM (SELECT o AS row FROM {schema}.bucket o WHERE o.id = $1) b`,
  notify: `SELECT pg_notify(c.channel, $2) FROM pg_catalog.unnest($1::text[]) AS c (channel)`,
  purgeMarkers: `SELECT p.removed, p.looked, p.last FROM {schema}.purge_markers($1, $2, $3, $4, $5) p`,
  readKeys: `SELECT p.ttl, p.revision, p.created, p.expires, p.size, p.is_live, p.key, p.value
FROM {schema}.read_keys($1, $2, $3, $4, $5, $6, $7) p`,
  readLog: `SELECT p.head, p.compacted_to, p.now, p.ttl, p.looked, p.sorted, p.revision, p.op, p.created, p.expires, p.size, p.key, p.value
FROM {schema}.read_log($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) p`,
  readMany: `-- The same for several keys, each with its place in the list; at least one row while the bucket is there.
SELECT e.revision, e.created, e.expires, encode(e.value, 'base64') AS value, e.place
FROM (SELECT o.id, o.ttl, {now} AS now FROM {schema}.bucket o WHERE o.id = $1 OFFSET 0) b
LEFT JOIN LATERAL (
  SELECT n.revision, n.created, least(n.expires, n.created + b.ttl) AS expires, n.value, k.place
  FROM pg_catalog.unnest($2::text[]) WITH ORDINALITY AS k (key, place), LATERAL (
    SELECT o.revision, o.op, o.created, o.expires, o.value FROM {schema}.entry o
    WHERE o.bucket_id = $1 AND o.key >= k.key AND o.key <= k.key ORDER BY o.key, o.revision DESC NULLS LAST LIMIT 1
  ) n
  WHERE n.op = 0 AND coalesce(least(n.expires, n.created + b.ttl) > b.now, true)
) e ON true`,
  readRevision: `-- One entry by its revision; without a revision when there is none, no row when the bucket is gone.
SELECT e.revision, e.op, e.created, e.expires, encode(e.value, 'base64') AS value, b.ttl
FROM (SELECT o AS row, o.id, o.ttl, o.ttl IS NULL AND o.marker_ttl IS NULL AND o.trimming IS NULL AS is_plain,
  {now} AS now FROM {schema}.bucket o WHERE o.id = $1 OFFSET 0) b
LEFT JOIN {schema}.entry e ON e.bucket_id = b.id AND e.revision = $2 AND e.key = $3
  AND CASE WHEN b.is_plain THEN true
    ELSE {schema}.visible(b.row, b.now, e.key, e.revision, e.created, e.expires) END`,
  read: `-- The newest entry of one key, if it is live; without a revision when it is not, no row when the bucket is gone.
SELECT e.revision, e.created, least(e.expires, e.created + b.ttl) AS expires, encode(e.value, 'base64') AS value
FROM {schema}.bucket b
LEFT JOIN LATERAL (
  -- As a range, so that the plan follows the index's order, newest first: for one key it may as well sort all versions,
  -- also those that no vacuum may take yet.
  SELECT n.revision, n.op, n.created, n.expires, n.value FROM {schema}.entry n
  WHERE n.bucket_id = $1 AND n.key >= $2 AND n.key <= $2 ORDER BY n.key, n.revision DESC NULLS LAST LIMIT 1
) e ON e.op = 0
  AND CASE WHEN e.expires IS NULL AND b.ttl IS NULL THEN true ELSE least(e.expires, e.created + b.ttl) > {now} END
WHERE b.id = $1`,
  sweep: `SELECT {schema}.sweep($1, $2, $3) AS looked`,
  write: `SELECT {schema}.write($1, $2, $3, $4, $5, $6, $7) AS outcome`,
} as const;
