SELECT p.head, p.compacted_to, p.now, p.ttl, p.looked, p.sorted, p.revision, p.op, p.created, p.expires, p.size, p.key, p.value
FROM {schema}.read_log($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) p
