SELECT d.config, d.head, d.compacted_to, d.kept, d.bytes FROM {schema}.describe($1) d
