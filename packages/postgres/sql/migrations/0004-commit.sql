-- Says why an operation on a key is refused, by the newest entry of the key; null when it is not (rules O3, O4, B9, T3).
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
-- was refused, as `commit` says it. A due expiry of the key comes first, and stays.
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

-- Carries out units in order, each all or nothing, in one transaction (rules M1, M3, O10). `p_sizes` says how many
-- operations each unit has; null: one. Null as well: no operation but puts, no conditions, no lives. `p_later` says how
-- many operations behind each one have its key. Gives one word per unit: the revisions of its operations with commas
-- between, or what it was refused for: `c` and the revision found, `v` and the largest value, `t`, `b` and the largest
-- bucket, then `@` and the index of the operation. Or, for all units: `+` and the first of their revisions.
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

-- Carries out simple writes that have no condition, at the revisions behind `p_head`; gives what `commit` does. What
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

-- Carries out one write by itself: what `commit` does, in one function for the usual case, since most writes come alone.
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
$$;
