-- What a script changes is worked out in memory first, and written by `flush` in a few commands: a script cannot roll
-- back, so nothing is written before all is judged.

local entries, changed = {}, {}
-- What the indexes get, by field or member, and what they lose, as lists.
local added, removed = {}, {}
local stamp = math.max(now, created)
-- How many rows were removed so far: what takes the time, so that a script stops when there are MOST.
local work, MOST = 0, 500

local function put(index, field, value)
  local fields = added[index]
  if not fields then
    fields = {}
    added[index] = fields
  end
  fields[field] = value
end
local function take(index, field)
  local fields, list = added[index], removed[index]
  if fields and fields[field] then
    fields[field] = nil
  elseif list then
    list[#list + 1] = field
  else
    removed[index] = { field }
  end
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
  if op >= APART then take(VALUES, text(rev)) end
  if expires > 0 then take(DEADLINE, member(rev, e.key)) end
  if not is_newest then take(OLDER, member(rev, e.key)) end
  touch(e)
end

-- The entries of a key are in its head from row `from` on, whose value begins at `blob_at`; `rows` and `blob` have what was
-- added. So nothing is copied until it is written. Gives where row `i` of them is.
local function place(e, i)
  local in_head = e.total - e.from + 1
  if i <= in_head then return e.head, 2 + (e.from + i - 2) * SIZE end
  return e.rows, 1 + (i - in_head - 1) * SIZE
end

-- The head as it is to be written.
local function head_of(e)
  if e.from > e.total then return char(e.n) .. e.rows .. e.blob end
  return char(e.n) .. sub(e.head, 2 + (e.from - 1) * SIZE, 1 + e.total * SIZE) .. e.rows .. sub(e.head, e.blob_at) .. e.blob
end

local function begin(e, head)
  e.head, e.rows, e.blob, e.from = head, '', '', 1
  e.total = head == '' and 0 or byte(head)
  e.n, e.blob_at = e.total, 2 + e.total * SIZE
end

-- The newest row of an entry, read anew after its rows have changed.
local function reread(e)
  if e.n == 0 then
    e.revision, e.live = 0, false
    return
  end
  local op
  e.revision, e.created, e.expires, op = read(ROW, place(e, e.n))
  e.op = op % APART
  e.live = e.op == 0
end

-- Removes the oldest row of a key.
local function drop(e)
  local rev, _, expires, op, length = read(ROW, place(e, 1))
  forget(e, rev, expires, op, length, e.n == 1)
  local is_inline = op < APART
  if e.from <= e.total then
    e.from = e.from + 1
    if is_inline then e.blob_at = e.blob_at + length end
  else
    e.rows = sub(e.rows, SIZE + 1)
    if is_inline then e.blob = sub(e.blob, length + 1) end
  end
  e.n = e.n - 1
  if e.n == 0 then reread(e) end
end

-- Removes all rows of a key.
local function clear(e)
  for i = 1, e.n do
    local rev, _, expires, op, length = read(ROW, place(e, i))
    forget(e, rev, expires, op, length, i == e.n)
  end
  begin(e, '')
  reread(e)
end

-- The heads that were read.
local heads = {}

-- The entry of a key whose head was read.
local function entry(key)
  local e = entries[key]
  if e then return e end
  e = { key = key, revision = 0, created = 0, expires = 0, op = 0, live = false, before = nil, written = 0, changed = false }
  begin(e, heads[key] or '')
  if e.n > 0 then
    reread(e)
    e.before, e.written = e.live and LIVE or MARKED, e.revision
  end
  entries[key] = e
  -- A history that was lowered takes effect at once, whoever comes first (rule B6).
  if trimming then while e.n > history do drop(e) end end
  return e
end

-- The rows of a key, oldest first.
local function rows_of(e)
  local rows, blob_at = {}, 1
  for i = 1, e.n do
    local rev, since, expires, op, length = read(ROW, place(e, i))
    rows[i] = { revision = rev, created = since, expires = expires, op = op, length = length, blob_at = blob_at }
    if op < APART then blob_at = blob_at + length end
  end
  return rows
end

-- Adds a row, the newest of its key and of the bucket, and keeps the newest `keep` rows of the key.
local function append(e, op, value, life, keep)
  revision = revision + 1
  if keep == 1 then clear(e) else while e.n >= keep do drop(e) end end
  if e.n > 0 then put(OLDER, member(e.revision, e.key), text(e.revision)) end
  local expires, length = life and stamp + life or 0, #value
  local code = op
  if length * history > INLINE then
    code = op + APART
    put(VALUES, text(revision), value)
  else
    e.blob = e.blob .. value
  end
  e.rows = e.rows .. pack(ROW, revision, stamp, expires, code, length)
  e.n = e.n + 1
  e.revision, e.created, e.expires, e.op, e.live = revision, stamp, expires, op, op == 0
  if expires > 0 then
    put(DEADLINE, member(revision, e.key), text(expires))
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

local logged = revision
-- Writes what was changed. `grows`: there are new values, for which the server may have no memory; what it answers then
-- comes back, and nothing was written. The log gets an entry with the id `<revision>-0` and a nonce for each step that gave
-- revisions, which says what became of the commit, unless that follows from the number of its operations;
-- `<revision>-<n>` for other changes that are to be seen.
local function flush(nonce, outcomes, grows, is_seen)
  if not grows then insist() end
  if revision > logged or is_seen then
    if revision > logged then nudges, last_nonce = 0, nonce else nudges = nudges + 1 end
    local id = text(revision) .. '-' .. text(nudges)
    local answer = log(grows and redis.pcall or call, logged, revision, id, nonce, outcomes)
    if type(answer) == 'table' then return answer end
    logged, created = revision, stamp
  end
  local heads, newest = {}, {}
  for _, e in ipairs(changed) do
    local after = e.n > 0 and (e.live and LIVE or MARKED) or nil
    if e.before ~= after then
      if e.before then take(e.before, e.key) end
      if after then put(after, e.key, '0') end
    end
    if after then
      heads[#heads + 1] = e.key
      heads[#heads + 1] = head_of(e)
      if e.written ~= e.revision then
        newest[#newest + 1] = text(e.revision)
        newest[#newest + 1] = e.key
      end
    elseif e.before then
      take(HEADS, e.key)
      take(NEWEST, e.key)
    end
    e.before, e.written, e.changed = after, e.revision, false
  end
  heads[#heads + 1] = ''
  heads[#heads + 1] = state()
  for index, list in pairs(removed) do send((index == HEADS or index == VALUES) and 'HDEL' or 'ZREM', index, list) end
  send('HSET', HEADS, heads)
  send('ZADD', NEWEST, newest)
  for index, fields in pairs(added) do
    local list = {}
    for field, value in pairs(fields) do
      list[#list + 1] = index == VALUES and field or value
      list[#list + 1] = index == VALUES and value or field
    end
    send(index == VALUES and 'HSET' or 'ZADD', index, list)
  end
  added, removed, changed = {}, {}, {}
end
