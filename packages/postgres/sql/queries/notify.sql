SELECT pg_notify(c.channel, $2) FROM pg_catalog.unnest($1::text[]) AS c (channel)
