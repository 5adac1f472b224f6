-- @include row

local function is_due(since, expires)
  return expires > 0 and expires <= now or ttl ~= nil and since + ttl <= now
end

-- The heads of a list of keys, in order; false where there is none.
local function heads_of(keys)
  local heads = {}
  for i = 1, #keys, 500 do
    local last = math.min(i + 499, #keys)
    for j, head in ipairs(call('HMGET', HEADS, spread(keys, i, last))) do heads[i + j - 1] = head end
  end
  return heads
end
