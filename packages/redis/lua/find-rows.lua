-- Where the rows of a filter are, when its ranges have so few keys that this is cheaper than to go through all rows.
-- ARGV: 1 after which revision, 2 up to which (empty: the head), 3 whether only newest rows are wanted, 4 after which key
-- (empty: the beginning, and the cost is weighed), 5 most keys, 6 … ranges like those of `read-keys`.
-- Gives the revision up to which rows are given, the last key looked at, 1 at the end, then revision, key and so on, in no
-- order; 0 when it is cheaper to go through all rows.
-- @include bucket
-- @include state
-- @include rows
-- @include records
-- So many rows are passed over in the time in which one is found by its key.
local COST = 4
local after, up_to, newest_only = tonumber(ARGV[1]), math.min(tonumber(ARGV[2]) or revision, revision), ARGV[3] == '1'
local from_key, limit = ARGV[4], tonumber(ARGV[5])
if from_key == '' then
  local low, high = '(' .. text(after), text(up_to)
  local rows, keys = call('ZCOUNT', NEWEST, low, high), 0
  if not newest_only then rows = rows + call('ZCOUNT', OLDER, low, high) end
  for i = 6, #ARGV, 2 do
    local from, to = '[' .. ARGV[i], ARGV[i + 1] == '' and '+' or '(' .. ARGV[i + 1]
    keys = keys + call('ZLEXCOUNT', LIVE, from, to) + call('ZLEXCOUNT', MARKED, from, to)
  end
  if keys * COST > rows then return 0 end
end
-- Of deep histories fewer keys at a time, so that a server is not held up for long.
local reply, room = { up_to, from_key, 1 }, newest_only and limit or math.max(16, math.floor(limit / history))

-- Adds the rows of a key that the client is to look at: readers see no more of them.
local function add(key, head)
  local n = byte(head)
  for i = n, math.max(1, newest_only and n or n - history + 1), -1 do
    local rev = read('>I8', head, 2 + (i - 1) * SIZE)
    if rev <= after then return end
    if rev <= up_to then
      reply[#reply + 1] = rev
      reply[#reply + 1] = key
    end
  end
end

for i = 6, #ARGV, 2 do
  local from, to = '[' .. ARGV[i], ARGV[i + 1] == '' and '+' or '(' .. ARGV[i + 1]
  -- All of both indexes up to the key at which one of them has filled the page.
  local live = call('ZRANGEBYLEX', LIVE, from, to, 'LIMIT', 0, room)
  if #live == room then to = '[' .. live[#live] end
  local marked = call('ZRANGEBYLEX', MARKED, from, to, 'LIMIT', 0, room)
  if #marked == room then
    to = '[' .. marked[#marked]
    live = call('ZRANGEBYLEX', LIVE, from, to, 'LIMIT', 0, room)
  end
  local is_full = #live == room or #marked == room
  for _, keys in ipairs({ live, marked }) do
    for j, head in ipairs(heads_of(keys)) do add(keys[j], head) end
  end
  room = room - math.max(#live, #marked)
  if is_full then
    reply[2], reply[3] = sub(to, 2), 0
    break
  end
end
return reply
