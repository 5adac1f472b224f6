-- Deletes a bucket, and wakes who waits for its changes by a last entry of the log, which lives for a minute.
-- ARGV: 1 incarnation. Gives 1.
-- @include bucket
call('XADD', LOG, 'MAXLEN', 1, text(revision) .. '-' .. text(nudges + 1), 'n', 'deleted', 'o', '')
call('PEXPIRE', LOG, 60000)
call('UNLINK', META, HEADS, VALUES, NEWEST, OLDER, LIVE, MARKED, DEADLINE, VOID)
return 1
