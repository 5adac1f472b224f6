-- A bucket's keys, all of one hash tag:
--   1 meta     HASH    the config and the counters
--   2 heads    HASH    key -> its kept entries, newest last, small values included
--   3 values   HASH    revision -> a value that is too large for the head
--   4 newest   ZSET    key -> revision of its newest entry
--   5 older    ZSET    "revision key" -> revision, of each kept entry that is not the newest of its key
--   6 live     ZSET    keys whose newest entry is a value, by byte
--   7 marked   ZSET    keys whose newest entry is a marker, by byte
--   8 deadline ZSET    "revision key" -> deadline, of each kept entry that has its own
--   9 log      STREAM  one entry for each step that changed something, see `flush`
--  10 void     HASH    nonces of commits that were given up and must not be carried out any more
-- Every script answers -1 when the bucket is another by now, and -2 when it is to be called again.
local call, byte, char, sub, format = redis.call, string.byte, string.char, string.sub, string.format
local pack, read = struct.pack, struct.unpack
local spread = unpack or table.unpack
local META, HEADS, VALUES, NEWEST, OLDER, LIVE, MARKED, DEADLINE, LOG, VOID =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]

-- tostring() and .. would lose digits.
local function text(number) return format('%.0f', number) end

local meta = call('HMGET', META, 'id', 'revision', 'created', 'bytes', 'count', 'due', 'compacted', 'nudges', 'trimming',
  'history', 'ttl', 'marker_ttl', 'max_value_size', 'max_bytes', 'nonce', 'void')
if meta[1] ~= ARGV[1] then return -1 end
local revision, created, bytes, count = tonumber(meta[2]), tonumber(meta[3]), tonumber(meta[4]), tonumber(meta[5])
-- `due`: nothing is due before; 0: nothing ever is. `trimming`: how far a lowered history was carried out.
local due, compacted, nudges, trimming = tonumber(meta[6]), tonumber(meta[7]), tonumber(meta[8]), tonumber(meta[9])
local history, ttl, marker_ttl = tonumber(meta[10]), tonumber(meta[11]), tonumber(meta[12])
local max_value_size, max_bytes, last_nonce = tonumber(meta[13]), tonumber(meta[14]), meta[15] or ''
-- One clock for all processes (rule T6).
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
