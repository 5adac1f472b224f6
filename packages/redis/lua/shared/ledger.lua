-- What a script changes is worked out in memory first, and written by `flush` in a few commands: a script cannot roll
-- back, so nothing is written before all is judged.

-- A value of up to this many bytes per kept entry is in line.
local INLINE = 2048
-- How many steps the log reaches back, about.
local RETENTION = 10000

local entries, changed = {}, {}
local older, deadlines, values = { add = {}, remove = {} }, { add = {}, remove = {} }, { add = {}, remove = {} }
local stamp = math.max(now, created)
-- How many rows were removed so far: what takes the time.
local work = 0

local function put(index, field, value) index.add[field] = value end
local function take(index, field)
  if index.add[field] ~= nil then index.add[field] = nil else index.remove[#index.remove + 1] = field end
end
local function member(rev, key) return text(rev) .. ' ' .. key end
local function touch(e)
  if not e.changed then
    e.changed = true
    changed[#changed + 1] = e
  end
end

-- Takes a row out of every index but the head of its key.
local function forget(e, rev, expires, op, length, is_newest)
  bytes = bytes - #e.key - length
  count = count - 1
  work = work + 1
  if op >= APART then take(values, text(rev)) end
  if expires > 0 then take(deadlines, member(rev, e.key)) end
  if not is_newest then take(older, member(rev, e.key)) end
  touch(e)
end

-- The newest row of an entry, read anew after its rows have changed.
local function reread(e)
  if e.n == 0 then
    e.revision, e.live = 0, false
    return
  end
  local op
  e.revision, e.created, e.expires, op = read(ROW, e.rows, 1 + (e.n - 1) * SIZE)
  e.op = op % APART
  e.live = e.op == 0
end

-- Removes the oldest row of a key.
local function drop(e)
  local rev, _, expires, op, length = read(ROW, e.rows)
  forget(e, rev, expires, op, length, e.n == 1)
  e.rows = sub(e.rows, SIZE + 1)
  if op < APART then e.blob = sub(e.blob, length + 1) end
  e.n = e.n - 1
  if e.n == 0 then reread(e) end
end

-- Removes all rows of a key.
local function clear(e)
  for i = 1, e.n do
    local rev, _, expires, op, length = read(ROW, e.rows, 1 + (i - 1) * SIZE)
    forget(e, rev, expires, op, length, i == e.n)
  end
  e.rows, e.blob, e.n = '', '', 0
  reread(e)
end

local function parse(key, head)
  local e = { key = key, n = 0, rows = '', blob = '' }
  if head then
    e.n = byte(head)
    e.rows = sub(head, 2, 1 + e.n * SIZE)
    e.blob = sub(head, 2 + e.n * SIZE)
  end
  reread(e)
  e.before = e.n > 0 and (e.live and LIVE or MARKED)
  e.written = e.revision
  entries[key] = e
  -- A history that was lowered takes effect at once, whoever comes first (rule B6).
  if trimming then while e.n > history do drop(e) end end
end

-- Makes the entries of some keys ready.
local function load(keys)
  local missing = {}
  for _, key in ipairs(keys) do
    if not entries[key] then
      entries[key] = true
      missing[#missing + 1] = key
    end
  end
  for i, head in ipairs(heads_of(missing)) do parse(missing[i], head) end
end

-- The rows of a key, oldest first.
local function rows_of(e)
  local rows, blob_at = {}, 1
  for i = 1, e.n do
    local rev, since, expires, op, length = read(ROW, e.rows, 1 + (i - 1) * SIZE)
    rows[i] = { revision = rev, created = since, expires = expires, op = op, length = length, blob_at = blob_at }
    if op < APART then blob_at = blob_at + length end
  end
  return rows
end

-- Removes one row of a key, if it has it; when it is a marker, watchers can no longer learn of it (rule W13).
local function remove_for_good(e, rev)
  for i, row in ipairs(rows_of(e)) do
    if row.revision == rev then
      if row.op % APART ~= 0 then compacted = math.max(compacted, rev) end
      forget(e, rev, row.expires, row.op, row.length, i == e.n)
      e.rows = sub(e.rows, 1, (i - 1) * SIZE) .. sub(e.rows, i * SIZE + 1)
      if row.op < APART then e.blob = sub(e.blob, 1, row.blob_at - 1) .. sub(e.blob, row.blob_at + row.length) end
      e.n = e.n - 1
      reread(e)
      return
    end
  end
end

-- Adds a row, the newest of its key and of the bucket, and keeps the newest `keep` rows of the key.
local function append(e, op, value, life, keep)
  revision = revision + 1
  if keep == 1 then clear(e) else while e.n >= keep do drop(e) end end
  if e.n > 0 then put(older, member(e.revision, e.key), text(e.revision)) end
  local expires, length = life and stamp + life or 0, #value
  local code = op
  if length * history > INLINE then
    code = op + APART
    put(values, text(revision), value)
  else
    e.blob = e.blob .. value
  end
  e.rows = e.rows .. pack(ROW, revision, stamp, expires, code, length)
  e.n = e.n + 1
  e.revision, e.created, e.expires, e.op, e.live = revision, stamp, expires, op, op == 0
  if expires > 0 then
    put(deadlines, member(revision, e.key), text(expires))
    if due == 0 or expires < due then due = expires end
  end
  if ttl and (due == 0 or stamp + ttl < due) then due = stamp + ttl end
  bytes = bytes + #e.key + length
  count = count + 1
  touch(e)
  return revision
end

local function send(command, key, arguments)
  for i = 1, #arguments, 1000 do call(command, key, spread(arguments, i, math.min(i + 999, #arguments))) end
end
local function pairs_of(index, is_sorted_set)
  local list = {}
  for field, value in pairs(index.add) do
    list[#list + 1] = is_sorted_set and value or field
    list[#list + 1] = is_sorted_set and field or value
  end
  return list
end

-- Without memory a server refuses commands that need some, but not after one that could give some back.
local function insist() call('HDEL', META, '') end

local logged = revision
-- Adds to the log: an entry with the id `<revision>-0` and a nonce for each step that gave revisions, which says what
-- became of the commit, unless that follows from the number of its operations; `<revision>-<n>` for other changes.
local function log(nonce, outcomes)
  local id
  if revision > logged then
    id, nudges, last_nonce = text(revision) .. '-0', 0, nonce
  else
    nudges = nudges + 1
    id = text(revision) .. '-' .. text(nudges)
  end
  call('XADD', LOG, 'MAXLEN', '~', RETENTION, id, 'n', nonce, 'o', outcomes)
  logged = revision
end

-- Writes what was changed. `grows`: there are new values, which a server without memory refuses with the first command,
-- so that nothing was written.
local function flush(nonce, outcomes, grows, is_seen)
  local is_logged = revision > logged or is_seen
  if not grows then insist() end
  if is_logged then log(nonce, outcomes) end
  local heads, newest, gone = {}, {}, {}
  local into = { [LIVE] = {}, [MARKED] = {} }
  local out = { [LIVE] = {}, [MARKED] = {} }
  for _, e in ipairs(changed) do
    local after = e.n > 0 and (e.live and LIVE or MARKED)
    if e.before ~= after then
      if e.before then table.insert(out[e.before], e.key) end
      if after then
        table.insert(into[after], '0')
        table.insert(into[after], e.key)
      end
    end
    if after then
      heads[#heads + 1] = e.key
      heads[#heads + 1] = char(e.n) .. e.rows .. e.blob
      if e.written ~= e.revision then
        newest[#newest + 1] = text(e.revision)
        newest[#newest + 1] = e.key
      end
    elseif e.before then
      gone[#gone + 1] = e.key
    end
    e.before, e.written, e.changed = after, e.revision, false
  end
  send('ZREM', LIVE, out[LIVE])
  send('ZREM', MARKED, out[MARKED])
  send('HDEL', VALUES, values.remove)
  send('ZREM', OLDER, older.remove)
  send('ZREM', DEADLINE, deadlines.remove)
  send('HDEL', HEADS, gone)
  send('ZREM', NEWEST, gone)
  send('HSET', HEADS, heads)
  send('ZADD', NEWEST, newest)
  send('ZADD', LIVE, into[LIVE])
  send('ZADD', MARKED, into[MARKED])
  send('HSET', VALUES, pairs_of(values))
  send('ZADD', OLDER, pairs_of(older, true))
  send('ZADD', DEADLINE, pairs_of(deadlines, true))
  if is_logged then created = stamp end
  call('HSET', META, 'revision', text(revision), 'created', text(created), 'bytes', text(bytes), 'count', text(count),
    'due', text(due), 'compacted', text(compacted), 'nudges', text(nudges), 'nonce', last_nonce,
    'trimming', trimming and text(trimming) or '')
  changed = {}
  older, deadlines, values = { add = {}, remove = {} }, { add = {}, remove = {} }, { add = {}, remove = {} }
end
