-- The newest entry of one key, due or not; without a revision when it has none, no row when the bucket is gone.
SELECT e.revision, e.op, e.created, e.expires, encode(e.value, 'base64') AS value, b.ttl,
  CASE WHEN e.expires IS NOT NULL OR b.ttl IS NOT NULL THEN {now} END AS now
FROM {schema}.bucket b
LEFT JOIN LATERAL (
  -- As a range, so that the plan follows the index's order, newest first: for one key it may as well sort all versions,
  -- also those that no vacuum may take yet.
  SELECT n.revision, n.op, n.created, n.expires, n.value FROM {schema}.entry n
  WHERE n.bucket_id = b.id AND n.key >= (SELECT $2::text) AND n.key <= (SELECT $2::text)
  ORDER BY n.key, n.revision DESC LIMIT 1
) e ON true
WHERE b.id = $1
