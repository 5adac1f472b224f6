local call, byte, char, sub, format = redis.call, string.byte, string.char, string.sub, string.format
local pack, read = struct.pack, struct.unpack
local spread = unpack or table.unpack
-- tostring() and .. would lose digits.
local function text(number) return format('%.0f', number) end
