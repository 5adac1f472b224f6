SELECT {schema}.clean_up($1) AS removed
