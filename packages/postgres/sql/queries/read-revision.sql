-- One entry by its revision; without a revision when there is none, no row when the bucket is gone.
SELECT e.revision, e.op, e.created, e.expires, encode(e.value, 'base64') AS value, b.ttl
FROM (SELECT o AS row, o.id, o.ttl, o.ttl IS NULL AND o.marker_ttl IS NULL AND o.trimming IS NULL AS is_plain,
  {now} AS now FROM {schema}.bucket o WHERE o.id = $1 OFFSET 0) b
LEFT JOIN {schema}.entry e ON e.bucket_id = b.id AND e.revision = $2 AND e.key = $3
  AND CASE WHEN b.is_plain THEN true
    ELSE {schema}.visible(b.row, b.now, e.key, e.revision, e.created, e.expires) END
