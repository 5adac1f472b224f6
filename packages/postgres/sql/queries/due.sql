-- Buckets that have something to be swept, now or later, and in how many milliseconds, those behind $1 first; without an
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
(SELECT NULL, 0 FROM {schema}.dropped_bucket LIMIT 1)
