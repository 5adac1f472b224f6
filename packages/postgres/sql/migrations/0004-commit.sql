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
  WHERE e.bucket_id = b.id AND e.key = p_key ORDER BY e.revision DESC LIMIT 1;
  IF newest.expires <= p_now OR newest.created + b.ttl <= p_now THEN
    head := {schema}.settle_key(b, p_key, head, p_stamp, p_now);
    SELECT e.revision, e.op, e.created, e.expires INTO newest FROM {schema}.entry e
    WHERE e.bucket_id = b.id AND e.key = p_key ORDER BY e.revision DESC LIMIT 1;
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
      ORDER BY n.revision DESC OFFSET b.history - 1 LIMIT 1);
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
    FROM (SELECT DISTINCT i.key FROM unnest(p_keys) AS i (key)) k, LATERAL (
      SELECT e.key, e.value FROM {schema}.entry e
      WHERE e.bucket_id = b.id AND e.key = k.key ORDER BY e.revision DESC LIMIT b.history
    ) n);
END
$$;

-- The functions that are called from outside keep the plans of all that they do to the indexes, in the indexes' order:
-- else a plan that was made while the table was small would scan it later, and one that sorts what it finds would walk
-- through all versions of a key that no vacuum may take yet.

-- Carries out units in order, each all or nothing, in one transaction (rules M1, M3, O10). `p_sizes` says how many
-- operations each unit has. Gives one word per unit: the revisions of its operations with commas between, or what it was
-- refused for: `c` and the revision found, `v` and the largest value, `t`, `b` and the largest bucket, then `@` and the
-- index of the operation.
CREATE FUNCTION {schema}.commit(
  p_bucket integer, p_sizes integer[],
  p_ops smallint[], p_keys text[], p_values bytea[], p_expects bigint[], p_lives bigint[], p_wait integer
)
RETURNS text
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_bitmapscan = off AS $$
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
  IF cardinality(p_sizes) >= 10 AND {schema}.is_simple(b, p_sizes, p_ops) THEN
    FOREACH last IN ARRAY {schema}.runs(p_keys) LOOP
      IF last - first >= 5 THEN
        result := {schema}.commit_together(b.id, b.history, b.max_value_size, stamp, p_ops[first:last], p_keys[first:last],
          p_values[first:last], p_expects[first:last], p_lives[first:last], head);
        outcomes := outcomes || result.outcomes;
        head := result.head;
        first := last + 1;
      END IF;
      FOR i IN first .. last LOOP
        result := {schema}.apply(b, now, stamp, p_ops[i], p_keys[i], p_values[i], p_expects[i], p_lives[i], head);
        outcomes := outcomes || coalesce(result.refusal || '@0', result.revision::text);
        head := result.head;
      END LOOP;
      first := last + 1;
    END LOOP;
    RETURN array_to_string(outcomes, ' ');
  END IF;
  FOREACH size IN ARRAY p_sizes LOOP
    IF size = 1 AND b.max_bytes IS NULL THEN
      result := {schema}.apply(b, now, stamp, p_ops[first], p_keys[first], p_values[first], p_expects[first], p_lives[first], head);
      outcomes := outcomes || coalesce(result.refusal || '@0', result.revision::text);
    ELSE
      result := {schema}.transact(b, now, stamp, p_ops[first:first + size - 1], p_keys[first:first + size - 1],
        p_values[first:first + size - 1], p_expects[first:first + size - 1], p_lives[first:first + size - 1], head);
      outcomes := outcomes || result.outcome;
    END IF;
    head := result.head;
    first := first + size;
  END LOOP;
  RETURN array_to_string(outcomes, ' ');
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
  -- Due expiries stay, whatever becomes of the unit (rule T9).
  FOR result IN SELECT DISTINCT k.key FROM unnest(p_keys) AS k (key) LOOP
    IF b.trimming IS NOT NULL THEN PERFORM {schema}.trim_key(b, result.key); END IF;
    PERFORM 1 FROM (
      SELECT e.created, e.expires FROM {schema}.entry e
      WHERE e.bucket_id = b.id AND e.key = result.key ORDER BY e.revision DESC LIMIT 1) n
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
      FOR i IN 1 .. cardinality(p_ops) LOOP
        result := {schema}.apply(b, p_now, p_stamp, p_ops[i], p_keys[i], p_values[i], p_expects[i], p_lives[i], head);
        refusal := result.refusal || '@' || (i - 1);
        IF refusal IS NOT NULL THEN RAISE EXCEPTION 'refused' USING ERRCODE = 'RKV00'; END IF;
        head := result.head;
        revisions := revisions || result.revision;
      END LOOP;
      IF b.max_bytes IS NOT NULL THEN
        grown := grown + {schema}.size_of(b, p_keys);
        UPDATE {schema}.bucket SET bytes = bytes + grown WHERE id = b.id
        RETURNING grown > 0 AND bytes > max_bytes AND 0 = ANY (p_ops) INTO is_full;
        IF is_full THEN
          refusal := 'b' || b.max_bytes || '@0';
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
  outcome := coalesce(refusal, array_to_string(revisions, ','));
END
$$;

-- Tells whether writes can be carried out many at once: each is a unit of its own, in a bucket where nothing expires and
-- no bytes are counted.
CREATE FUNCTION {schema}.is_simple(b {schema}.bucket, p_sizes integer[], p_ops smallint[]) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN b.ttl IS NULL AND b.marker_ttl IS NULL AND b.max_bytes IS NULL AND b.trimming IS NULL
    AND 1 = ALL (p_sizes) AND 4 <> ALL (p_ops) AND (b.history = 1 OR 2 <> ALL (p_ops));
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
      SELECT k.place, lag(k.place) OVER (PARTITION BY k.key ORDER BY k.place) AS before
      FROM unnest(p_keys) WITH ORDINALITY AS k (key, place)
    ) o WHERE o.before IS NOT NULL ORDER BY o.place
  LOOP
    IF again.before >= first THEN
      ends := ends || (again.place - 1)::integer;
      first := again.place;
    END IF;
  END LOOP;
  RETURN ends || cardinality(p_keys);
END
$$;

-- Carries out simple writes on different keys in one statement, which costs half of what as many single ones do. Its joins
-- are to look rows up one by one, whatever the table looked like when the plan was made.
CREATE FUNCTION {schema}.commit_together(
  p_bucket integer, p_history smallint, p_max_value_size bigint, p_stamp bigint,
  p_ops smallint[], p_keys text[], p_values bytea[], p_expects bigint[], p_lives bigint[],
  INOUT head bigint, OUT outcomes text[]
)
LANGUAGE plpgsql VOLATILE SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  WITH judged AS MATERIALIZED (
    SELECT i.place, i.op, i.key, i.value, n.revision AS newest,
      {schema}.refusal(i.op, octet_length(i.value), i.expect, i.life, n.revision, n.op, NULL, p_max_value_size) AS refusal
    FROM unnest(p_ops, p_keys, p_values, p_expects, p_lives) WITH ORDINALITY AS i (op, key, value, expect, life, place)
    LEFT JOIN LATERAL (
      SELECT e.revision, e.op FROM {schema}.entry e
      WHERE e.bucket_id = p_bucket AND e.key = i.key ORDER BY e.revision DESC LIMIT 1
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
      ORDER BY n.revision DESC OFFSET p_history - 1 LIMIT 1)
  ), added AS (
    INSERT INTO {schema}.entry (revision, created, bucket_id, op, key, value)
    SELECT j.revision, p_stamp, p_bucket, j.op, j.key, j.value FROM numbered j
    WHERE j.refusal IS NULL AND (p_history > 1 OR j.newest IS NULL)
  )
  SELECT array_agg(coalesce(j.refusal || '@0', j.revision::text) ORDER BY j.place), max(j.revision)
  INTO outcomes, head FROM numbered j;
END
$$;

-- Carries out one write by itself: what `commit` does, in one function for the usual case, since most writes come alone.
CREATE FUNCTION {schema}.write(
  p_bucket integer, p_op smallint, p_key text, p_value bytea, p_expect bigint, p_life bigint, p_wait integer
)
RETURNS text
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  s record;
  now bigint;
  stamp bigint;
  refused text;
BEGIN
  PERFORM {schema}.lock(p_bucket, p_wait);
  SELECT b.history, b.ttl, b.marker_ttl, b.max_value_size, b.max_bytes IS NULL AND b.trimming IS NULL AS is_usual,
    greatest(b.revision, h.revision) + 1 AS next, greatest(b.created, h.created) AS created,
    n.revision AS newest, n.op AS newest_op, n.created AS newest_created, n.expires AS newest_expires
  INTO s
  FROM {schema}.bucket b
  LEFT JOIN LATERAL (
    SELECT e.revision, e.created FROM {schema}.entry e WHERE e.bucket_id = b.id ORDER BY e.revision DESC LIMIT 1
  ) h ON true
  LEFT JOIN LATERAL (
    SELECT e.revision, e.op, e.created, e.expires FROM {schema}.entry e
    WHERE e.bucket_id = b.id AND e.key = p_key ORDER BY e.revision DESC LIMIT 1
  ) n ON true
  WHERE b.id = p_bucket;
  now := {now};
  IF s.is_usual IS NOT TRUE OR p_op = 4 OR s.newest_expires <= now OR s.newest_created + s.ttl <= now THEN
    RETURN {schema}.commit(p_bucket, ARRAY[1], ARRAY[p_op], ARRAY[p_key], ARRAY[p_value], ARRAY[p_expect], ARRAY[p_life], p_wait);
  END IF;
  refused := {schema}.refusal(p_op, octet_length(p_value), p_expect, p_life, s.newest, s.newest_op, s.marker_ttl, s.max_value_size);
  IF refused IS NOT NULL THEN RETURN refused || '@0'; END IF;
  stamp := greatest(now, s.created);
  IF s.history = 1 AND s.newest IS NOT NULL THEN
    UPDATE {schema}.entry e
    SET revision = s.next, created = stamp, expires = stamp + p_life, op = p_op, value = p_value
    WHERE e.bucket_id = p_bucket AND e.revision = s.newest;
    RETURN s.next;
  END IF;
  IF p_op = 2 THEN
    DELETE FROM {schema}.entry e WHERE e.bucket_id = p_bucket AND e.key = p_key;
  ELSIF s.newest IS NOT NULL THEN
    DELETE FROM {schema}.entry e WHERE e.bucket_id = p_bucket AND e.revision = (
      SELECT n.revision FROM {schema}.entry n WHERE n.bucket_id = p_bucket AND n.key = p_key
      ORDER BY n.revision DESC OFFSET s.history - 1 LIMIT 1);
  END IF;
  INSERT INTO {schema}.entry (revision, created, expires, bucket_id, op, key, value)
  VALUES (s.next, stamp, stamp + p_life, p_bucket, p_op, p_key, p_value);
  RETURN s.next;
END
$$;
