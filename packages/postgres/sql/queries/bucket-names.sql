SELECT b.name FROM {schema}.bucket b WHERE b.name > $1 ORDER BY b.name LIMIT $2
