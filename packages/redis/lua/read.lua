-- The newest values of some keys, as of one moment. KEYS: 1 meta, 2 heads, 3 values. ARGV: 1 incarnation, 2 … keys.
-- Gives the clock (0: nothing is due), the bucket's ttl (0: none), then a record for each key, nil where it is not live.
local call, byte, sub, char = redis.call, string.byte, string.sub, string.char
local spread = unpack or table.unpack
local SIZE, APART = 27, 4
local meta = call('HMGET', KEYS[1], 'id', 'due', 'ttl')
if meta[1] ~= ARGV[1] then return -1 end
local now, due = 0, tonumber(meta[2])
if due > 0 then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
  if now < due then now = 0 end
end
local reply = { now, tonumber(meta[3]) or 0 }
for i = 2, #ARGV, 500 do
  for _, head in ipairs(call('HMGET', KEYS[2], spread(ARGV, i, math.min(i + 499, #ARGV)))) do
    local found = false
    if head then
      local n = byte(head)
      local at = 2 + (n - 1) * SIZE
      local op = byte(head, at + 22)
      if op == 0 and n == 1 then
        found = head
      elseif op == 0 or op == APART then
        local _, _, _, _, length = struct.unpack('>I8I6I8BI4', head, at)
        local value
        if op == APART then
          value = call('HGET', KEYS[3], string.format('%.0f', (struct.unpack('>I8', head, at))))
        else
          value = length == 0 and '' or sub(head, -length)
        end
        found = char(1) .. sub(head, at, at + SIZE - 1) .. value
      end
    end
    reply[#reply + 1] = found
  end
end
return reply
