-- Replaces the config of a bucket if it still is the one given. What is due by the old one is carried out first, so that
-- it does not come back; a lowered history is carried out in pages afterwards (rules B6, T1).
-- ARGV: 1 incarnation, 2 nonce, 3 the config that it has, 4 the one that it gets, 5 its history, 6 … names and values of
-- its settings, empty: unset. Gives 1, or 0 when the config is another by now.
-- @include bucket
-- @include rows
-- @include ledger
-- @include settle
if call('HGET', META, 'config') ~= ARGV[3] then return 0 end
if not settle(ARGV[2]) then return -2 end
local wanted = tonumber(ARGV[5])
-- What a lowered history has hidden must not come back with a raised one.
if wanted > history and not trim(ARGV[2]) then return -2 end
if wanted < history then trimming = 0 end
-- Looked at anew: a changed ttl holds for what there is.
due = 1
flush(ARGV[2], '', false, true)
call('HSET', META, 'config', ARGV[4], 'history', ARGV[5])
for i = 6, #ARGV, 2 do
  if ARGV[i + 1] == '' then call('HDEL', META, ARGV[i]) else call('HSET', META, ARGV[i], ARGV[i + 1]) end
end
return 1
