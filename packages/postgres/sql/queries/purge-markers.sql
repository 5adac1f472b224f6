SELECT p.removed, p.looked, p.last FROM {schema}.purge_markers($1, $2, $3, $4, $5) p
