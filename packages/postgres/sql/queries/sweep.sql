SELECT {schema}.sweep($1, $2, $3) AS looked
