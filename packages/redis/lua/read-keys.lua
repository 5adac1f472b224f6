-- A page of live keys with their newest entries, sorted. ARGV: 1 after, 2 whether values are wanted, 3 most keys, 4 about
-- the most bytes, 5 … ranges: the first key and the first behind, empty: none.
-- Gives the bucket's ttl (0: none), the last key looked at, 1 when there are no more, then key and record, and so on.
-- @include bucket
-- @include state
-- @include rows
-- @include records
local after, with_values, limit, max_size = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3]), tonumber(ARGV[4])
local reply, last, size, looked = { ttl or 0, after, 1 }, after, 0, 0
for i = 5, #ARGV, 2 do
  local from, to = '[' .. ARGV[i], ARGV[i + 1] == '' and '+' or '(' .. ARGV[i + 1]
  local keys = call('ZRANGEBYLEX', LIVE, from, to, 'LIMIT', 0, limit - looked)
  looked = looked + #keys
  for j, head in ipairs(heads_of(keys)) do
    last = keys[j]
    local newest = newest_of(head)
    if newest then
      reply[#reply + 1] = last
      reply[#reply + 1] = record(newest, with_values)
      if with_values then size = size + newest.length end
      if size >= max_size then
        looked = limit
        break
      end
    end
  end
  if looked >= limit then
    reply[3] = 0
    break
  end
end
reply[2] = last
return reply
