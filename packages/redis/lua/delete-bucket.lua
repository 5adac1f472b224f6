-- Deletes a bucket, and wakes who waits for its changes by a last entry of the log, which lives for a minute and says
-- whose call it was. ARGV: 1 nonce. Gives 1.
-- @include bucket
-- @include state
-- First what frees memory, so that a server without any can do it.
call('UNLINK', META, HEADS, VALUES, NEWEST, OLDER, LIVE, MARKED, DEADLINE, VOID)
call('XADD', LOG, 'MAXLEN', 1, text(revision) .. '-' .. text(nudges + 1), 'n', 'deleted', 'o', ARGV[1])
call('PEXPIRE', LOG, 60000)
return 1
