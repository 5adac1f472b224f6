INSERT INTO {schema}.bucket (name, config, history, ttl, marker_ttl, max_value_size, max_bytes)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (name) DO NOTHING
RETURNING id, incarnation::text
