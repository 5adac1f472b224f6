SELECT p.ttl, p.revision, p.created, p.expires, p.size, p.is_live, p.key, p.value
FROM {schema}.read_keys($1, $2, $3, $4, $5, $6, $7) p
