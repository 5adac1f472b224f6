-- Carries out puts that have no condition and no life of their own, as most writes are, at a fraction of what `commit`
-- costs: it only adds rows to heads and drops the oldest. Where anything else is to be done it does nothing.
-- ARGV: 1 nonce, 2 the operations as `commit` takes them; or 2 key, 3 value of the only one.
-- Gives the revision of the first; the others follow it. 0: nothing was done, `commit` is to be asked.
-- @include bucket
-- @include operations
-- @include row
-- @include log
local nonce, keys, values = ARGV[1], { ARGV[2] }, { ARGV[3] }
if not ARGV[3] then
  local operations, at, i = ARGV[2], 1, 0
  while at < #operations do
    local _, _, _, _, key_length, length = read(OPERATION, operations, at)
    local value_at = at + WIDTH + key_length
    at, i = value_at + length, i + 1
    keys[i], values[i] = sub(operations, value_at - key_length, value_at - 1), sub(operations, value_at, at - 1)
  end
end
local found = call('HMGET', HEADS, '', spread(keys))
local before = found[1]
if not before then return -1 end
local ttl, history, _, max_value_size, max_bytes, revision, created, bytes, count, due, _, _, trimming, void =
  read(STATE, before)
-- @include fence
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if trimming > 0 or due > 0 and now >= due then return 0 end
created = math.max(now, created)
if ttl > 0 and (due == 0 or created + ttl < due) then due = created + ttl end

local given, key, head = revision + 1, nil, nil
-- Of several puts, in the form in which they are written, and heads of keys that come again.
local heads, newest, latest
if keys[2] then heads, newest, latest = {}, {}, {} end
-- What other indexes get and lose: with most puts nothing.
local older, outdated, live, unmarked
for i = 1, #keys do
  key = keys[i]
  local value, old = values[i], latest and latest[key] or found[i + 1]
  local length, n, rows, blob, is_live = #value, 0, '', '', false
  if length * history > INLINE or max_value_size > 0 and length > max_value_size then return 0 end
  revision, bytes, count = revision + 1, bytes + #key + length, count + 1
  if old then
    n = byte(old)
    local rows_at, blob_at = 2, 2 + n * SIZE
    local last, _, _, op = read(ROW, old, blob_at - SIZE)
    is_live = op % APART == 0
    if history > 1 then
      older = older or {}
      older[#older + 1] = text(last)
      older[#older + 1] = text(last) .. ' ' .. key
    end
    if n >= history then
      local oldest, _, expires, oldest_op, dropped = read(ROW, old, 2)
      if expires > 0 or oldest_op >= APART then return 0 end
      if history > 1 then
        outdated = outdated or {}
        outdated[#outdated + 1] = text(oldest) .. ' ' .. key
      end
      rows_at, blob_at, n = 2 + SIZE, blob_at + dropped, n - 1
      bytes, count = bytes - #key - dropped, count - 1
    end
    if n > 0 then rows, blob = sub(old, rows_at, rows_at - 1 + n * SIZE), sub(old, blob_at) end
  end
  if max_bytes > 0 and bytes > max_bytes then return 0 end
  if not is_live then
    live, unmarked = live or {}, unmarked or {}
    live[#live + 1] = '0'
    live[#live + 1] = key
    if old then unmarked[#unmarked + 1] = key end
  end
  head = char(n + 1) .. rows .. pack(ROW, revision, created, 0, 0, length) .. blob .. value
  if latest then
    latest[key] = head
    heads[2 * i - 1], heads[2 * i], newest[2 * i - 1], newest[2 * i] = key, head, text(revision), key
  end
end

-- Without memory nothing is written by then, and `commit` tells of it.
if type(log(redis.pcall, given - 1, revision, 0, nonce, '')) == 'table' then return 0 end
local state = sub(before, 1, 34) .. pack('>I8I8I8I8I8', revision, created, bytes, count, due) .. sub(before, 75, 82)
  .. pack('>I8', 0) .. sub(before, 91, 106) .. nonce
if latest then
  call('HSET', HEADS, '', state, spread(heads))
  call('ZADD', NEWEST, spread(newest))
else
  call('HSET', HEADS, '', state, key, head)
  call('ZADD', NEWEST, text(revision), key)
end
if older then call('ZADD', OLDER, spread(older)) end
if outdated then call('ZREM', OLDER, spread(outdated)) end
if unmarked and unmarked[1] then call('ZREM', MARKED, spread(unmarked)) end
if live then call('ZADD', LIVE, spread(live)) end
return given
