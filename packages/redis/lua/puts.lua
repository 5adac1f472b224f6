-- Carries out puts that have no condition and no life of their own, as most writes are, at a fraction of what `commit`
-- costs: it only adds rows to heads and drops the oldest. Where anything else is to be done it does nothing.
-- KEYS: those of the bucket but for meta and deadline, or only the first three of them, since each costs time.
-- ARGV: 1 nonce, 2 key, 3 value; of several 2 is empty, and 3 … are the operations and values as `commit` takes them.
-- Gives the revision of the first; the others follow it. 0: nothing was done, `commit` is to be asked. -5: nothing was
-- done, since that takes the other keys.
local HEADS, NEWEST, LOG, VALUES, OLDER, LIVE, MARKED, VOID =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
-- @include base
-- @include operations
-- @include row
-- @include log
local nonce, key, value = ARGV[1], ARGV[2], ARGV[3]
-- Of several puts, which `key` and `value` then are in turn.
local keys, values
if key == '' then
  local operations, at, elsewhere = value, 1, 4
  keys, values = {}, {}
  for i = 1, math.huge do
    local _, _, _, _, key_length, length = read(OPERATION, operations, at)
    at = at + WIDTH + key_length
    keys[i] = sub(operations, at - key_length, at - 1)
    if length == ELSEWHERE then
      values[i] = ARGV[elsewhere]
      elsewhere = elsewhere + 1
    else
      values[i] = sub(operations, at, at + length - 1)
      at = at + length
    end
    if at > #operations then break end
  end
end
local found = keys and call('HMGET', HEADS, '', spread(keys)) or call('HMGET', HEADS, '', key)
local before = found[1]
if not before then return -1 end
-- As `bucket` says; SETTLED is what a put leaves as it is, MOVED all of the state with that in one piece.
local SETTLED, MOVED = '>I8I2I8I8I8I8I8I8I8I8I8I8I8', '>c58I8I8I8I8I8I8c0'
local ttl, history, _, max_value_size, max_bytes, _, trimming, void, revision, created, bytes, count, due =
  read(SETTLED, before)
if void > 0 and not VOID then return -5 end
-- @include fence
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if trimming > 0 or due > 0 and now >= due then return 0 end
if now > created then created = now end
if ttl > 0 and (due == 0 or created + ttl < due) then due = created + ttl end

local given, head = revision + 1, nil
-- Of several puts, in the form in which they are written, and heads of keys that come again.
local heads, newest, latest
if keys then heads, newest, latest = {}, {}, {} end
-- What other indexes get and lose: with most puts nothing.
local older, outdated, live, unmarked, apart, dropped
for i = 1, keys and #keys or 1 do
  local old = found[i + 1]
  if keys then
    key, value = keys[i], values[i]
    old = latest[key] or old
  end
  local length, n, rows, blob, code, is_live = #value, 0, '', '', 0, false
  if max_value_size > 0 and length > max_value_size then return 0 end
  revision, bytes, count = revision + 1, bytes + #key + length, count + 1
  if old then
    n = byte(old)
    local rows_at, blob_at = 2, 2 + n * SIZE
    local oldest, _, expires, op, size = read(ROW, old, blob_at - SIZE)
    is_live = op % APART == 0
    if history > 1 then
      older = older or {}
      local last = text(oldest)
      older[#older + 1] = last
      older[#older + 1] = last .. ' ' .. key
    end
    if n >= history then
      if n > 1 then
        oldest, _, expires, op, size = read(ROW, old, 2)
        outdated = outdated or {}
        outdated[#outdated + 1] = text(oldest) .. ' ' .. key
      end
      if expires > 0 then return 0 end
      rows_at, n = 2 + SIZE, n - 1
      if op < APART then
        blob_at = blob_at + size
      else
        dropped = dropped or {}
        dropped[#dropped + 1] = text(oldest)
      end
      bytes, count = bytes - #key - size, count - 1
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
  if length * history > INLINE then
    apart = apart or {}
    apart[#apart + 1] = text(revision)
    apart[#apart + 1] = value
    code, value = APART, ''
  end
  local row = pack(ROW, revision, created, 0, code, length)
  head = n == 0 and '\1' .. row .. value or char(n + 1) .. rows .. row .. blob .. value
  if latest then
    latest[key] = head
    heads[2 * i - 1], heads[2 * i], newest[2 * i - 1], newest[2 * i] = key, head, text(revision), key
  end
end

if not VOID and (older or live or apart or dropped) then return -5 end
-- Without memory nothing is written by then, and `commit` tells of it.
local score = text(revision)
if type(log(redis.pcall, given - 1, revision, score .. '-0', nonce, '')) == 'table' then return 0 end
local state = pack(MOVED, before, revision, created, bytes, count, due, 0, nonce)
if latest then
  call('HSET', HEADS, '', state, spread(heads))
  call('ZADD', NEWEST, spread(newest))
else
  call('HSET', HEADS, '', state, key, head)
  call('ZADD', NEWEST, score, key)
end
if older then call('ZADD', OLDER, spread(older)) end
if outdated then call('ZREM', OLDER, spread(outdated)) end
if unmarked and unmarked[1] then call('ZREM', MARKED, spread(unmarked)) end
if live then call('ZADD', LIVE, spread(live)) end
if apart then call('HSET', VALUES, spread(apart)) end
if dropped then call('HDEL', VALUES, spread(dropped)) end
return given
