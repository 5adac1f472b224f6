-- A bucket for readers: as of the moment of the statement that asks, unlike in `hold`; an error when it was deleted
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

-- What `read_log` gives, one row for each entry, at least one: without a key it stands for an empty page.
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

-- Reads a page of the log, all of one moment: entries of the ranges [from, to) behind `p_after`, in revision order. No
-- ranges: all keys. Few revisions to look through, or no ranges: along the log. Else along the keys of the ranges, which
-- are sorted once: `p_known` are the next of the revisions that an earlier page gave as `sorted`, and no other is there up
-- to `p_known_to`.
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

-- What `read_keys` gives for each key that was looked at, live or not, in key order; at least one row, without a key when
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

-- Reads the newest entries of a page of keys of the ranges [from, to) behind `p_after`, all of one moment.
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
$$;
