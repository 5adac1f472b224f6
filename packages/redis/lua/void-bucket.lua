-- Finds out whether a bucket was created whose answer was lost; if it was not, sees to it that it never is.
-- ARGV: 1 incarnation. Gives 1 when it was, perhaps to be deleted again by others; else 0.
-- @include bucket
if call('HGET', META, 'id') == ARGV[1] then return 1 end
local step = call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)[1]
if step then return step[2][2] == 'void' and 0 or 1 end
insist()
-- `create-bucket` finds its log taken, for as long as it may be delayed.
call('XADD', LOG, '0-1', 'n', 'void', 'o', '')
call('PEXPIRE', LOG, 3600000)
return 0
