-- The newest values of some keys, as of one moment. ARGV: the keys. Gives the bucket's ttl (0: none), then a record for each
-- key, nil where it is not live. Clients read the heads by themselves where nothing can expire and all values are in line.
-- @include bucket
-- @include state
-- @include rows
-- @include records
local reply = { ttl or 0 }
for i, head in ipairs(heads_of(ARGV)) do
  local newest = head and newest_of(head)
  reply[i + 1] = newest and newest.op == 0 and record(newest, true) or false
end
return reply
