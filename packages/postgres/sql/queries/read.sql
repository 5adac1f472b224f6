-- The newest entry of one key, if it is live; without a revision when it is not, no row when the bucket is gone.
SELECT e.revision, e.created, least(e.expires, e.created + b.ttl) AS expires, encode(e.value, 'base64') AS value
FROM {schema}.bucket b
LEFT JOIN LATERAL (
  -- As a range, so that the plan follows the index's order, newest first: for one key it may as well sort all versions,
  -- also those that no vacuum may take yet.
  SELECT n.revision, n.op, n.created, n.expires, n.value FROM {schema}.entry n
  WHERE n.bucket_id = $1 AND n.key >= $2 AND n.key <= $2 ORDER BY n.key, n.revision DESC NULLS LAST LIMIT 1
) e ON e.op = 0
  AND CASE WHEN e.expires IS NULL AND b.ttl IS NULL THEN true ELSE least(e.expires, e.created + b.ttl) > {now} END
WHERE b.id = $1
