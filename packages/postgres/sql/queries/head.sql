SELECT ({schema}.head(b.row)).revision, {schema}.compacted_to(b.row, {now}) AS compacted_to
FROM (SELECT o AS row FROM {schema}.bucket o WHERE o.id = $1) b
