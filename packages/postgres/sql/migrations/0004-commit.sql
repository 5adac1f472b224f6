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
  IF p_expect < 0 AND newest.op = 0 OR p_expect >= 0 AND p_expect <> coalesce(newest.revision, 0) THEN
    refusal := 'c' || coalesce(newest.revision, 0);
    RETURN;
  END IF;
  IF p_op = 4 THEN
    revision := coalesce(newest.revision, 0);
    RETURN;
  END IF;
  IF p_life IS NOT NULL AND b.marker_ttl IS NULL THEN
    refusal := 't';
    RETURN;
  END IF;
  IF octet_length(p_value) > b.max_value_size THEN
    refusal := 'v' || b.max_value_size;
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

-- Carries out one write by itself; see `commit`.
CREATE FUNCTION {schema}.write(
  p_bucket integer, p_op smallint, p_key text, p_value bytea, p_expect bigint, p_life bigint, p_wait integer
)
RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  b {schema}.bucket;
  h record;
  now bigint;
  result record;
BEGIN
  b := {schema}.hold(p_bucket, p_wait);
  IF b.max_bytes IS NOT NULL THEN
    RETURN {schema}.commit(p_bucket, ARRAY[1], ARRAY[p_op], ARRAY[p_key], ARRAY[p_value], ARRAY[p_expect], ARRAY[p_life], p_wait);
  END IF;
  now := {schema}.now_ms();
  h := {schema}.head(b);
  result := {schema}.apply(b, now, greatest(now, h.created), p_op, p_key, p_value, p_expect, p_life, coalesce(h.revision, 0));
  RETURN coalesce(result.refusal || '@0', result.revision::text);
END
$$;

-- What keys and values of some keys add up to.
CREATE FUNCTION {schema}.size_of(p_bucket integer, p_keys text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (SELECT coalesce(sum(octet_length(e.key) + coalesce(octet_length(e.value), 0)), 0)
    FROM {schema}.entry e WHERE e.bucket_id = p_bucket AND e.key = ANY (p_keys));
END
$$;

-- Carries out units in order, each all or nothing, in one transaction (rules M1, M3, O10). `p_sizes` says how many
-- operations each unit has. Gives one word per unit: the revisions of its operations with commas between, or what it was
-- refused for: `c` and the revision found, `v` and the largest value, `t`, `b` and the largest bucket, then `@` and the
-- index of the operation.
CREATE FUNCTION {schema}.commit(
  p_bucket integer, p_sizes integer[],
  p_ops smallint[], p_keys text[], p_values bytea[], p_expects bigint[], p_lives bigint[], p_wait integer
)
RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  b {schema}.bucket;
  h record;
  now bigint;
  stamp bigint;
  head bigint;
  result record;
  size integer;
  first integer := 1;
  outcomes text[] := '{}';
BEGIN
  b := {schema}.hold(p_bucket, p_wait);
  now := {schema}.now_ms();
  h := {schema}.head(b);
  head := h.revision;
  stamp := greatest(now, h.created);
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
    IF b.max_bytes IS NOT NULL THEN grown := -{schema}.size_of(b.id, p_keys); END IF;
    BEGIN
      FOR i IN 1 .. cardinality(p_ops) LOOP
        result := {schema}.apply(b, p_now, p_stamp, p_ops[i], p_keys[i], p_values[i], p_expects[i], p_lives[i], head);
        refusal := result.refusal || '@' || (i - 1);
        IF refusal IS NOT NULL THEN RAISE EXCEPTION 'refused' USING ERRCODE = 'RKV00'; END IF;
        head := result.head;
        revisions := revisions || result.revision;
      END LOOP;
      IF b.max_bytes IS NOT NULL THEN
        grown := grown + {schema}.size_of(b.id, p_keys);
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
