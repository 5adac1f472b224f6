-- A page of purgeDeletes, in key order (rules P1, P2). ARGV: 1 nonce, 2 how old a marker must be to go wholly, in
-- ms, 3 after, 4 about how many keys. Gives how many rows were removed, the last key looked at, 1 at the end.
-- @include bucket
-- @include state
-- @include fence
-- @include rows
-- @include log
-- @include ledger
-- @include settle
if not settle(ARGV[1]) then return refused or -2 end
local older_than, after, limit = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local keys = call('ZRANGEBYLEX', MARKED, after == '' and '-' or '(' .. after, '+', 'LIMIT', 0, limit)
local removed, done = 0, #keys < limit and 1 or 0
load(keys)
for i, key in ipairs(keys) do
  local e = entry(key)
  local rows = rows_of(e)
  local is_old = e.created <= stamp - older_than
  for j, row in ipairs(rows) do
    if j < #rows or is_old then
      if row.op % APART ~= 0 then compacted = math.max(compacted, row.revision) end
      drop(e)
      removed = removed + 1
    end
  end
  after = key
  if work >= MOST and i < #keys then
    done = 0
    break
  end
end
if #changed > 0 then flush(ARGV[1], text(removed), false, true) end
return { removed, after, done }
