-- A page of kept rows in revision order, all of one moment. ARGV: 1 nonce, 2 after which revision, 3 up to which (empty:
-- the head), 4 whether only newest rows are wanted, 5 whether values are wanted, 6 most rows, 7 about the most bytes, 8 and
-- 9 the mark: a revision that was the head and the nonce of its step (0: none), 10 the era in which that was seen, 11 where
-- to look:
--   `log`   at all rows in their order; 12 … Lua patterns of which a key must match one (none: every key does)
--   `keys`  at all rows of the keys 12 …
--   `rows`  at the rows 12 …: revision, key and so on, in revision order
-- Gives the head, compactedTo, the head's nonce, the era, the clock, the bucket's ttl (0: none), the revision up to which
-- all rows are given, then key and record and so on. -4: the log is not the one that the mark is from, or cannot be shown
-- to be.
-- @include bucket
-- @include state
-- @include rows
-- @include records
-- @include era
local mark, now_in = tonumber(ARGV[8]), era()
if mark > revision or mark == revision and mark > 0 and last_nonce ~= ARGV[9] then return -4 end
if mark > 0 and mark < revision then
  local step = call('XRANGE', LOG, ARGV[8] .. '-0', ARGV[8] .. '-0')[1]
  if step then
    if step[2][2] ~= ARGV[9] then return -4 end
  else
    -- A log that has an older step has this one, unless it is lost; beyond the old end of the log only the era tells.
    local first = call('XRANGE', LOG, '-', '+', 'COUNT', 1)[1]
    if first and tonumber(string.match(first[1], '^%d+')) < mark then return -4 end
    if now_in == '' or now_in ~= ARGV[10] then return -4 end
  end
end
if due > 0 and now >= due then
  -- @include log
  -- @include ledger
  -- @include settle
  if not settle(ARGV[1]) then return refused or -2 end
end

local after, up_to = tonumber(ARGV[2]), math.min(tonumber(ARGV[3]) or revision, revision)
local newest_only, with_values, limit, max_size = ARGV[4] == '1', ARGV[5] == '1', tonumber(ARGV[6]), tonumber(ARGV[7])
local mode, FIRST, LOOKS = ARGV[11], 12, 2000
-- To find a row in a deep history takes longer.
if history > 8 then limit = math.min(limit, 200) end
local reply = { revision, compacted, last_nonce, now_in, now, ttl or 0, after }
local given, size, last = 0, 0, after

-- Adds a row, and tells whether there is room for another.
local function give(key, row)
  given = given + 1
  size = size + (with_values and row.length or 0)
  reply[#reply + 1] = key
  reply[#reply + 1] = record(row, with_values)
  return given < limit and size < max_size
end

-- Gives what is there of rows that are known by revision and key; false when the page is full.
local function give_rows(revisions, keys, heads)
  heads = heads or heads_of(keys)
  for i, head in ipairs(heads) do
    local row
    if head and newest_only then
      row = newest_of(head)
      if row and row.revision ~= revisions[i] then row = nil end
    elseif head then
      row = row_of(head, revisions[i])
    end
    last = revisions[i]
    if row and not give(keys[i], row) then return false end
  end
  return true
end

if after >= up_to then
  last = math.max(after, up_to)
elseif mode == 'keys' then
  local found, revisions, keys, heads = {}, {}, {}, {}
  for i = FIRST, #ARGV do keys[#keys + 1] = ARGV[i] end
  for i, head in ipairs(heads_of(keys)) do
    local n = head and byte(head) or 0
    for j = n, math.max(1, newest_only and n or n - history + 1), -1 do
      local rev = read('>I8', head, 2 + (j - 1) * SIZE)
      if rev <= after then break end
      if rev <= up_to then found[#found + 1] = { rev, keys[i], head } end
    end
  end
  table.sort(found, function(a, b) return a[1] < b[1] end)
  for i = 1, math.min(#found, limit) do revisions[i], keys[i], heads[i] = found[i][1], found[i][2], found[i][3] end
  local is_whole = give_rows(revisions, keys, heads)
  if is_whole and #found <= limit or last == (found[#found] or {})[1] then last = up_to end
elseif mode == 'rows' then
  local revisions, keys = {}, {}
  for i = FIRST, math.min(#ARGV, FIRST + 2 * limit - 1), 2 do
    revisions[#revisions + 1] = tonumber(ARGV[i])
    keys[#keys + 1] = ARGV[i + 1]
  end
  give_rows(revisions, keys)
else
  local low, high = '(' .. text(after), text(up_to)
  local most = #ARGV < FIRST and limit or LOOKS
  local newest = call('ZRANGEBYSCORE', NEWEST, low, high, 'WITHSCORES', 'LIMIT', 0, most)
  local older = newest_only and {} or call('ZRANGEBYSCORE', OLDER, low, high, 'WITHSCORES', 'LIMIT', 0, most)
  local revisions, keys, i, j, looked, reached = {}, {}, 1, 1, 0, after
  while looked < most and #revisions < limit and (newest[i] or older[j]) do
    local a, b = tonumber(newest[i + 1]), tonumber(older[j + 1])
    local key
    if a and (not b or a < b) then
      key, reached, i = newest[i], a, i + 2
    else
      key, reached, j = string.match(older[j], ' (.*)$'), b, j + 2
    end
    looked = looked + 1
    local matches = #ARGV < FIRST
    for p = FIRST, #ARGV do matches = matches or string.find(key, ARGV[p]) ~= nil end
    if matches then
      revisions[#revisions + 1] = reached
      keys[#keys + 1] = key
    end
  end
  if looked < most and not newest[i] and not older[j] then reached = up_to end
  if give_rows(revisions, keys) then last = reached end
end
reply[7] = last
return reply
