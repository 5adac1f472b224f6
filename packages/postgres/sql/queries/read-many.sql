-- The same for several keys, each with its place in the list; at least one row while the bucket is there.
SELECT e.revision, e.created, e.expires, encode(e.value, 'base64') AS value, e.place
FROM (SELECT o.id, o.ttl, {now} AS now FROM {schema}.bucket o WHERE o.id = $1 OFFSET 0) b
LEFT JOIN LATERAL (
  SELECT n.revision, n.created, least(n.expires, n.created + b.ttl) AS expires, n.value, k.place
  FROM pg_catalog.unnest($2::text[]) WITH ORDINALITY AS k (key, place), LATERAL (
    SELECT o.revision, o.op, o.created, o.expires, o.value FROM {schema}.entry o
    WHERE o.bucket_id = $1 AND o.key >= k.key AND o.key <= k.key ORDER BY o.key, o.revision DESC NULLS LAST LIMIT 1
  ) n
  WHERE n.op = 0 AND coalesce(least(n.expires, n.created + b.ttl) > b.now, true)
) e ON true
