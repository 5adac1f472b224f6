SELECT b.id, b.incarnation::text, b.config FROM {schema}.bucket b WHERE b.name = $1
