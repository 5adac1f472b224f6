SELECT pg_notify(c.channel, $2) FROM unnest($1::text[]) AS c (channel)
