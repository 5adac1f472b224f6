-- Replaces the config of a bucket if it still is the one given. What is due by the old one is carried out first, so that
-- it does not come back; a lowered history is carried out in pages afterwards (rules B6, T1).
-- ARGV: 1 nonce, 2 the config that it has, 3 the one that it gets, 4 … 8 what the state begins with: ttl, history, ttl of
-- expiry markers, largest value, largest bucket (0: unset). Gives 1, or 0 when the config is another by now.
-- @include bucket
-- @include state
-- @include fence
-- @include rows
-- @include log
-- @include ledger
-- @include settle
if call('HGET', META, 'config') ~= ARGV[2] then return 0 end
if not settle(ARGV[1]) then return refused or -2 end
local wanted = tonumber(ARGV[5])
-- What a lowered history has hidden must not come back with a raised one.
if wanted > history and not trim(ARGV[1]) then return refused or -2 end
if wanted < history then trimming = 0 end
local function setting(index)
  local value = tonumber(ARGV[index])
  return value > 0 and value or nil
end
ttl, history, marker_ttl, max_value_size, max_bytes = setting(4), wanted, setting(6), setting(7), setting(8)
-- Looked at anew, where anything can be due: a changed ttl holds for what there is.
due = (ttl or call('EXISTS', DEADLINE) == 1) and 1 or 0
flush(ARGV[1], '', false, true)
call('HSET', META, 'config', ARGV[3])
return 1
