SELECT {schema}.drop_bucket($1, $2) AS id
