-- Carries out a page of what is due in a bucket, and of the trimming of a lowered history. ARGV: 1 nonce.
-- Gives 1 when there is more to do at once, the time when the next row is due (0: none), and the clock.
-- @include bucket
-- @include state
-- @include rows
-- @include log
-- @include ledger
-- @include settle
local is_settled = settle(ARGV[1])
local is_trimmed = trim(ARGV[1])
if refused then return refused end
return { is_settled and is_trimmed and 0 or 1, due, now }
