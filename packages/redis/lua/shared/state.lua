-- Reads the state of the bucket. Every script answers -1 when the bucket is no more, -2 when it is to be called again, and
-- one that writes -3 when its nonce is void.
local found = call('HMGET', HEADS, '', spread(first))
if not found[1] then return -1 end
local ttl, history, marker_ttl, max_value_size, max_bytes, compacted, trimming, void, revision, created, bytes, count, due,
  nudges, behind = read(STATE, found[1])
if ttl == 0 then ttl = nil end
if marker_ttl == 0 then marker_ttl = nil end
if max_value_size == 0 then max_value_size = nil end
if max_bytes == 0 then max_bytes = nil end
-- `due`: nothing is due before; 0: nothing ever is. `trimming`: how far a lowered history was carried out, plus one.
-- `void`: 0 as long as no nonce was ever made void.
trimming = trimming > 0 and trimming - 1 or nil
local last_nonce = sub(found[1], behind)
-- Why what is due could not be carried out; see `settle`.
local refused
-- One clock for all processes (rule T6).
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function state()
  return pack(STATE, ttl or 0, history, marker_ttl or 0, max_value_size or 0, max_bytes or 0, compacted,
    trimming and trimming + 1 or 0, void, revision, created, bytes, count, due, nudges) .. last_nonce
end
