// Generated from lua/ by scripts/generate.ts: edit those files, then run `npm run generate`.

const basePart = `local call, byte, char, sub, format = redis.call, string.byte, string.char, string.sub, string.format
local pack, read = struct.pack, struct.unpack
local spread = unpack or table.unpack
local function text(number) return format('%.0f', number) end`;

const bucketPart = `${basePart}
local META, HEADS, VALUES, NEWEST, OLDER, LIVE, MARKED, DEADLINE, LOG, VOID =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local STATE = '>I8I2I8I8I8I8I8I8I8I8I8I8I8I8'
local first = {}
local function insist() call('HDEL', META, '') end`;

const eraPart = `local function era() return string.match(call('INFO', 'replication'), 'master_replid:(%w+)') or '' end`;

const fencePart = `if void > 0 and call('ZSCORE', VOID, ARGV[1]) then return -3 end`;

const ledgerPart = `local entries, changed = {}, {}
local added, removed = {}, {}
local stamp = math.max(now, created)
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
local function forget(e, rev, expires, op, length, is_newest)
  bytes = bytes - #e.key - length
  count = count - 1
  work = work + 1
  if op >= APART then take(VALUES, text(rev)) end
  if expires > 0 then take(DEADLINE, member(rev, e.key)) end
  if not is_newest then take(OLDER, member(rev, e.key)) end
  touch(e)
end
local function place(e, i)
  local in_head = e.total - e.from + 1
  if i <= in_head then return e.head, 2 + (e.from + i - 2) * SIZE end
  return e.rows, 1 + (i - in_head - 1) * SIZE
end
local function head_of(e)
  if e.from > e.total then return char(e.n) .. e.rows .. e.blob end
  return char(e.n) .. sub(e.head, 2 + (e.from - 1) * SIZE, 1 + e.total * SIZE) .. e.rows .. sub(e.head, e.blob_at) .. e.blob
end
local function begin(e, head)
  e.head, e.rows, e.blob, e.from = head, '', '', 1
  e.total = head == '' and 0 or byte(head)
  e.n, e.blob_at = e.total, 2 + e.total * SIZE
end
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
local function clear(e)
  for i = 1, e.n do
    local rev, _, expires, op, length = read(ROW, place(e, i))
    forget(e, rev, expires, op, length, i == e.n)
  end
  begin(e, '')
  reread(e)
end
local heads = {}
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
  if trimming then while e.n > history do drop(e) end end
  return e
end
local function rows_of(e)
  local rows, blob_at = {}, 1
  for i = 1, e.n do
    local rev, since, expires, op, length = read(ROW, place(e, i))
    rows[i] = { revision = rev, created = since, expires = expires, op = op, length = length, blob_at = blob_at }
    if op < APART then blob_at = blob_at + length end
  end
  return rows
end
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
end`;

const logPart = `local RETENTION, BETWEEN_CUTS = 10000, 100
local function log(send, since, to, id, nonce, outcomes)
  if since < to and since % BETWEEN_CUTS + to - since < BETWEEN_CUTS then
    return send('XADD', LOG, id, 'n', nonce, 'o', outcomes)
  end
  return send('XADD', LOG, 'MAXLEN', '~', RETENTION, id, 'n', nonce, 'o', outcomes)
end`;

const operationsPart = `local OPERATION, WIDTH, ELSEWHERE = '>BBI8I8I2I4', 24, 4294967295`;

const recordsPart = `local function visible(head)
  local rows, n, value_at = {}, byte(head), 2 + byte(head) * SIZE
  local _, newest_created, newest_expires = read(ROW, head, value_at - SIZE)
  if is_due(newest_created, newest_expires) then return rows end
  for i = 1, n do
    local at = 2 + (i - 1) * SIZE
    local rev, since, expires, op, length = read(ROW, head, at)
    local is_apart = op >= APART
    if i > n - history and not is_due(since, expires) then
      rows[#rows + 1] = { revision = rev, op = op % APART, length = length, head = head, at = at, value_at = not is_apart and value_at }
    end
    if not is_apart then value_at = value_at + length end
  end
  return rows
end
local function newest_of(head)
  local at = 2 + (byte(head) - 1) * SIZE
  local rev, since, expires, op, length = read(ROW, head, at)
  if is_due(since, expires) then return nil end
  return { revision = rev, op = op % APART, length = length, head = head, at = at, value_at = op < APART and #head - length + 1 }
end
local function value_start(head, i)
  local value_at, before = 2 + byte(head) * SIZE, 1
  while before < i do
    local op, a, b, c, d = byte(head, 24 + (before - 1) * SIZE, 28 + (before - 1) * SIZE)
    if op < APART then value_at = value_at + ((a * 256 + b) * 256 + c) * 256 + d end
    before = before + 1
  end
  return value_at
end
local function row_of(head, wanted)
  local n = byte(head)
  local low, high = math.max(1, n - history + 1), n
  while low <= high do
    local i = math.floor((low + high) / 2)
    local at = 2 + (i - 1) * SIZE
    local rev = read('>I8', head, at)
    if rev == wanted then
      local _, _, _, op, length = read(ROW, head, at)
      return { revision = rev, op = op % APART, length = length, head = head, at = at, value_at = op < APART and value_start(head, i) }
    end
    if rev < wanted then low = i + 1 else high = i - 1 end
  end
end
local function record(row, with_value)
  local line = char(1) .. sub(row.head, row.at, row.at + SIZE - 1)
  if not with_value or row.length == 0 then return line end
  if row.value_at then return line .. sub(row.head, row.value_at, row.value_at + row.length - 1) end
  return line .. (call('HGET', VALUES, text(row.revision)) or '')
end`;

const rowPart = `local ROW, SIZE, APART = '>I8I6I8BI4', 27, 4
local INLINE = 2048`;

const rowsPart = `${rowPart}
local function is_due(since, expires)
  return expires > 0 and expires <= now or ttl ~= nil and since + ttl <= now
end
local function heads_of(keys)
  local heads = {}
  for i = 1, #keys, 500 do
    local last = math.min(i + 499, #keys)
    for j, head in ipairs(call('HMGET', HEADS, spread(keys, i, last))) do heads[i + j - 1] = head end
  end
  return heads
end`;

const settlePart = `local PAGE = 300
local function may_write()
  local answer = redis.pcall('HDEL', META, '')
  local err = type(answer) == 'table' and answer.err
  if err then refused = redis.error_reply('DUE ' .. err) end
  return not err
end
local function load(keys)
  local missing = {}
  for _, key in ipairs(keys) do
    if heads[key] == nil then
      heads[key] = false
      missing[#missing + 1] = key
    end
  end
  for i, head in ipairs(heads_of(missing)) do heads[missing[i]] = head end
end
local function remove_for_good(e, rev)
  for i, row in ipairs(rows_of(e)) do
    if row.revision == rev then
      if row.op % APART ~= 0 then compacted = math.max(compacted, rev) end
      forget(e, rev, row.expires, row.op, row.length, i == e.n)
      local head, at = head_of(e), 2 + (i - 1) * SIZE
      local blob = sub(head, 2 + e.n * SIZE)
      if row.op < APART then blob = sub(blob, 1, row.blob_at - 1) .. sub(blob, row.blob_at + row.length) end
      begin(e, e.n == 1 and '' or char(e.n - 1) .. sub(head, 2, at - 1) .. sub(head, at + SIZE, 1 + e.n * SIZE) .. blob)
      reread(e)
      return
    end
  end
end
local function expire(e)
  local was_live = e.live
  for _, row in ipairs(rows_of(e)) do
    if row.op % APART ~= 0 and is_due(row.created, row.expires) then compacted = math.max(compacted, row.revision) end
  end
  clear(e)
  if was_live and marker_ttl then append(e, 3, '', marker_ttl, 1) end
end
local function lapse(e, rev)
  if e.n == 0 then return end
  if is_due(e.created, e.expires) then expire(e) else remove_for_good(e, rev) end
end
local function settle_key(e)
  if e.n == 0 then return end
  if is_due(e.created, e.expires) then return expire(e) end
  for _, row in ipairs(rows_of(e)) do
    if is_due(row.created, row.expires) then remove_for_good(e, row.revision) end
  end
end
local function split(item)
  local rev, key = string.match(item, '^(%d+) (.*)$')
  return tonumber(rev), key
end
local function found_in(index, ...)
  local rows, keys = {}, {}
  for i, item in ipairs(call(index == DEADLINE and 'ZRANGEBYSCORE' or 'ZRANGE', index, ...)) do
    local rev, key = split(item)
    rows[i], keys[i] = { revision = rev, key = key }, key
  end
  load(keys)
  return rows
end
local function lapse_by_age(rows)
  for _, found in ipairs(rows) do
    if work >= MOST then return true end
    local e = entry(found.key)
    for _, row in ipairs(rows_of(e)) do
      if row.revision == found.revision then
        if row.created + ttl > now then return false end
        lapse(e, found.revision)
        break
      end
    end
  end
  return #rows == PAGE
end
local function next_due()
  local next = 0
  local function sooner(at) if next == 0 or at < next then next = at end end
  local first = call('ZRANGE', DEADLINE, 0, 0, 'WITHSCORES')
  if first[2] then sooner(tonumber(first[2])) end
  if ttl then
    local newest = call('ZRANGE', NEWEST, 0, 0)[1]
    if newest then
      local head = call('HGET', HEADS, newest)
      local _, since = read(ROW, head, 2 + (byte(head) - 1) * SIZE)
      sooner(since + ttl)
    end
    local old = call('ZRANGE', OLDER, 0, 0)[1]
    if old then
      local _, key = split(old)
      local _, since = read(ROW, call('HGET', HEADS, key), 2)
      sooner(since + ttl)
    end
  end
  return next
end
local function settle(nonce)
  if due == 0 or now < due then return true end
  if not may_write() then return false end
  local is_more = false
  local own = found_in(DEADLINE, '-inf', text(now), 'LIMIT', 0, PAGE)
  for _, found in ipairs(own) do
    if work >= MOST then break end
    lapse(entry(found.key), found.revision)
  end
  if #own == PAGE or work >= MOST then is_more = true end
  if ttl then
    local keys = call('ZRANGE', NEWEST, 0, PAGE - 1)
    load(keys)
    local all = #keys == PAGE
    for _, key in ipairs(keys) do
      if work >= MOST then break end
      local e = entry(key)
      if e.n > 0 and e.revision <= logged then
        if not is_due(e.created, e.expires) then
          all = false
          break
        end
        expire(e)
      end
    end
    if all or work >= MOST then is_more = true end
    if lapse_by_age(found_in(OLDER, 0, PAGE - 1)) then is_more = true end
  end
  due = 0
  if #changed > 0 then flush('s' .. sub(nonce, 2), '', false, true) end
  due = is_more and 1 or next_due()
  call('HSET', HEADS, '', state())
  return not is_more
end
local function trim(nonce)
  if not trimming then return true end
  if not may_write() then return false end
  local items = call('ZRANGEBYSCORE', OLDER, '(' .. text(trimming), '+inf', 'LIMIT', 0, PAGE)
  local last, looked, revisions, keys = trimming, 0, {}, {}
  for i, item in ipairs(items) do revisions[i], keys[i] = split(item) end
  load(keys)
  for i, key in ipairs(keys) do
    if work >= MOST then break end
    entry(key)
    last, looked = revisions[i], i
  end
  trimming = (looked == PAGE or looked < #items) and last or nil
  flush('s' .. sub(nonce, 2), '', false, false)
  return trimming == nil
end`;

const statePart = `local found = call('HMGET', HEADS, '', spread(first))
if not found[1] then return -1 end
local ttl, history, marker_ttl, max_value_size, max_bytes, compacted, trimming, void, revision, created, bytes, count, due,
  nudges, behind = read(STATE, found[1])
if ttl == 0 then ttl = nil end
if marker_ttl == 0 then marker_ttl = nil end
if max_value_size == 0 then max_value_size = nil end
if max_bytes == 0 then max_bytes = nil end
trimming = trimming > 0 and trimming - 1 or nil
local last_nonce = sub(found[1], behind)
local refused
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function state()
  return pack(STATE, ttl or 0, history, marker_ttl or 0, max_value_size or 0, max_bytes or 0, compacted,
    trimming and trimming + 1 or 0, void, revision, created, bytes, count, due, nudges) .. last_nonce
end`;

/** The scripts, by name. */
export const scripts = {
  commit: `${bucketPart}
${operationsPart}
local FULL, END, CHECK = 16, 8, 4
local LONGEST = 2048
local nonce, operations = ARGV[1], ARGV[2]
local units = {}
do
  local unit, at, elsewhere = {}, 1, 3
  while at < #operations do
    local code, kind, expect, life, key_length, length = read(OPERATION, operations, at)
    at = at + WIDTH + key_length
    local key, value = sub(operations, at - key_length, at - 1)
    if length == ELSEWHERE then
      value = ARGV[elsewhere]
      elsewhere = elsewhere + 1
    else
      value = sub(operations, at, at + length - 1)
      at = at + length
    end
    first[#first + 1] = key
    unit[#unit + 1] = { op = code % END, key = key, value = value, kind = kind, expect = expect, life = life > 0 and life,
      is_full = code >= FULL }
    if code % FULL >= END then
      units[#units + 1] = unit
      unit = {}
    end
  end
end
${statePart}
${fencePart}
${rowsPart}
${logPart}
${ledgerPart}
local asked = #units
for i, key in ipairs(first) do heads[key] = found[i + 1] end
if due > 0 and now >= due or max_bytes and trimming then
${settlePart}
  if max_bytes then
    if not settle(nonce) or not trim(nonce) then return refused or -2 end
  else
    for i, unit in ipairs(units) do
      if work >= MOST then
        units = { spread(units, 1, i - 1) }
        break
      end
      for _, w in ipairs(unit) do settle_key(entry(w.key)) end
    end
    if #changed > 0 then flush('s' .. sub(nonce, 2), '', false, true) end
  end
end
local function refusal(w, newest, live)
  if w.kind == 1 and live or w.kind == 2 and w.expect ~= newest then return 'c' .. text(newest) end
  if w.op == CHECK then return nil end
  if w.is_full then return 'm' end
  if w.life and not marker_ttl then return 't' end
  if max_value_size and #w.value > max_value_size then return 'v' .. text(max_value_size) end
end
local function foresee(unit)
  local seen, grown, has_put, last = {}, 0, false, revision
  for i, w in ipairs(unit) do
    local f = seen[w.key]
    if not f then
      local e = entry(w.key)
      f = { newest = e.revision, live = e.live, sizes = {} }
      if max_bytes then for j, row in ipairs(rows_of(e)) do f.sizes[j] = #w.key + row.length end end
      seen[w.key] = f
    end
    local why = refusal(w, f.newest, f.live)
    if why then return why .. '@' .. (i - 1) end
    if w.op ~= CHECK then
      last = last + 1
      f.newest, f.live = last, w.op == 0
      has_put = has_put or w.op == 0
      grown = grown + #w.key + #w.value
      table.insert(f.sizes, #w.key + #w.value)
      local keep = w.op == 2 and 1 or history
      while max_bytes and #f.sizes > keep do grown = grown - table.remove(f.sizes, 1) end
    end
  end
  if max_bytes and has_put and grown > 0 and bytes + grown > max_bytes then return 'b' .. text(max_bytes) .. '@0' end
end
local grows, is_plain = false, true
local function carry_out(w)
  if w.op == 0 then grows = true end
  return append(entry(w.key), w.op, w.value, w.life, w.op == 2 and 1 or history)
end
local function carry_out_all(unit)
  local given, first_given, has_check = {}, nil, false
  for i, w in ipairs(unit) do
    if w.op == CHECK then
      has_check = true
      given[i] = text(entry(w.key).revision)
    else
      local rev = carry_out(w)
      first_given = first_given or rev
      given[i] = text(rev)
    end
  end
  if has_check then
    is_plain = false
    return table.concat(given, ',')
  end
  return first_given
end
local reply, start = { revision }, work
for i, unit in ipairs(units) do
  if i > 1 and work - start >= MOST then break end
  local w, why = unit[1], nil
  local is_single = #unit == 1 and w.op ~= CHECK
  if is_single and not max_bytes then
    local e = entry(w.key)
    why = refusal(w, e.revision, e.live)
    why = why and why .. '@0'
  else
    why = foresee(unit)
  end
  if why then
    is_plain = false
    reply[i + 1] = why
  else
    reply[i + 1] = is_single and carry_out(w) or carry_out_all(unit)
  end
end
if #changed > 0 then
  local outcomes = ''
  if not is_plain or #reply <= asked then
    local words = {}
    for i = 2, #reply do words[i - 1] = type(reply[i]) == 'number' and '+' or reply[i] end
    outcomes = table.concat(words, ' ')
    if #outcomes > LONGEST then outcomes = '?' end
  end
  local answer = flush(nonce, outcomes, grows, false)
  if answer then return string.find(answer.err, 'OOM', 1, true) and -4 or answer end
end
return reply` as string,
  configure: `${bucketPart}
${statePart}
${fencePart}
${rowsPart}
${logPart}
${ledgerPart}
${settlePart}
if call('HGET', META, 'config') ~= ARGV[2] then return 0 end
if not settle(ARGV[1]) then return refused or -2 end
local wanted = tonumber(ARGV[5])
if wanted > history and not trim(ARGV[1]) then return refused or -2 end
if wanted < history then trimming = 0 end
local function setting(index)
  local value = tonumber(ARGV[index])
  return value > 0 and value or nil
end
ttl, history, marker_ttl, max_value_size, max_bytes = setting(4), wanted, setting(6), setting(7), setting(8)
due = (ttl or call('EXISTS', DEADLINE) == 1) and 1 or 0
flush(ARGV[1], '', false, true)
call('HSET', META, 'config', ARGV[3])
return 1` as string,
  createBucket: `${bucketPart}
if call('EXISTS', META) == 0 and call('EXISTS', LOG) == 0 then
  call('HSET', META, 'id', ARGV[1], 'config', ARGV[2])
  call('HSET', HEADS, '', pack(STATE, ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], 0, 0, 0, 0, 0, 0, 0, 0, 1))
  call('XADD', LOG, '0-1', 'n', 'created', 'o', '')
end
return call('HGET', META, 'id')` as string,
  deleteBucket: `${bucketPart}
${statePart}
call('UNLINK', META, HEADS, VALUES, NEWEST, OLDER, LIVE, MARKED, DEADLINE, VOID)
call('XADD', LOG, 'MAXLEN', 1, text(revision) .. '-' .. text(nudges + 1), 'n', 'deleted', 'o', ARGV[1])
call('PEXPIRE', LOG, 60000)
return 1` as string,
  describe: `${bucketPart}
${statePart}
if due > 0 and now >= due or trimming then
${rowsPart}
${logPart}
${ledgerPart}
${settlePart}
  if not settle(ARGV[1]) or not trim(ARGV[1]) then return refused or -2 end
end
return { call('HGET', META, 'config'), revision, compacted, count, bytes }` as string,
  findRows: `${bucketPart}
${statePart}
${rowsPart}
${recordsPart}
local COST = 4
local after, up_to, newest_only = tonumber(ARGV[1]), math.min(tonumber(ARGV[2]) or revision, revision), ARGV[3] == '1'
local from_key, limit = ARGV[4], tonumber(ARGV[5])
if from_key == '' then
  local low, high = '(' .. text(after), text(up_to)
  local rows, keys = call('ZCOUNT', NEWEST, low, high), 0
  if not newest_only then rows = rows + call('ZCOUNT', OLDER, low, high) end
  for i = 6, #ARGV, 2 do
    local from, to = '[' .. ARGV[i], ARGV[i + 1] == '' and '+' or '(' .. ARGV[i + 1]
    keys = keys + call('ZLEXCOUNT', LIVE, from, to) + call('ZLEXCOUNT', MARKED, from, to)
  end
  if keys * COST > rows then return 0 end
end
local reply, room = { up_to, from_key, 1 }, newest_only and limit or math.max(16, math.floor(limit / history))
local function add(key, head)
  local n = byte(head)
  for i = n, math.max(1, newest_only and n or n - history + 1), -1 do
    local rev = read('>I8', head, 2 + (i - 1) * SIZE)
    if rev <= after then return end
    if rev <= up_to then
      reply[#reply + 1] = rev
      reply[#reply + 1] = key
    end
  end
end
for i = 6, #ARGV, 2 do
  local from, to = '[' .. ARGV[i], ARGV[i + 1] == '' and '+' or '(' .. ARGV[i + 1]
  local live = call('ZRANGEBYLEX', LIVE, from, to, 'LIMIT', 0, room)
  if #live == room then to = '[' .. live[#live] end
  local marked = call('ZRANGEBYLEX', MARKED, from, to, 'LIMIT', 0, room)
  if #marked == room then
    to = '[' .. marked[#marked]
    live = call('ZRANGEBYLEX', LIVE, from, to, 'LIMIT', 0, room)
  end
  local is_full = #live == room or #marked == room
  for _, keys in ipairs({ live, marked }) do
    for j, head in ipairs(heads_of(keys)) do add(keys[j], head) end
  end
  room = room - math.max(#live, #marked)
  if is_full then
    reply[2], reply[3] = sub(to, 2), 0
    break
  end
end
return reply` as string,
  head: `${bucketPart}
${statePart}
${eraPart}
if due > 0 and now >= due then
${rowsPart}
${logPart}
${ledgerPart}
${settlePart}
  if not settle(ARGV[1]) then return refused or -2 end
end
return { revision, compacted, last_nonce, era() }` as string,
  purgeMarkers: `${bucketPart}
${statePart}
${fencePart}
${rowsPart}
${logPart}
${ledgerPart}
${settlePart}
if not settle(ARGV[1]) then return refused or -2 end
local older_than, after, limit = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local keys = call('ZRANGEBYLEX', MARKED, after == '' and '-' or '(' .. after, '+', 'LIMIT', 0, limit)
local removed, done = 0, #keys < limit and 1 or 0
load(keys)
for i, key in ipairs(keys) do
  local e = entry(key)
  local rows = rows_of(e)
  local is_old = e.created <= stamp - older_than
  for j, row in ipairs(rows) do
    if j < #rows or is_old then
      if row.op % APART ~= 0 then compacted = math.max(compacted, row.revision) end
      drop(e)
      removed = removed + 1
    end
  end
  after = key
  if work >= MOST and i < #keys then
    done = 0
    break
  end
end
if #changed > 0 then flush(ARGV[1], text(removed), false, true) end
return { removed, after, done }` as string,
  puts: `local HEADS, NEWEST, LOG, VALUES, OLDER, LIVE, MARKED, VOID =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
${basePart}
${operationsPart}
${rowPart}
${logPart}
local nonce, key, value = ARGV[1], ARGV[2], ARGV[3]
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
local SETTLED, MOVED = '>I8I2I8I8I8I8I8I8I8I8I8I8I8', '>c58I8I8I8I8I8I8c0'
local ttl, history, _, max_value_size, max_bytes, _, trimming, void, revision, created, bytes, count, due =
  read(SETTLED, before)
if void > 0 and not VOID then return -5 end
${fencePart}
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if trimming > 0 or due > 0 and now >= due then return 0 end
if now > created then created = now end
if ttl > 0 and (due == 0 or created + ttl < due) then due = created + ttl end
local given, head = revision + 1, nil
local heads, newest, latest
if keys then heads, newest, latest = {}, {}, {} end
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
  head = n == 0 and '\\1' .. row .. value or char(n + 1) .. rows .. row .. blob .. value
  if latest then
    latest[key] = head
    heads[2 * i - 1], heads[2 * i], newest[2 * i - 1], newest[2 * i] = key, head, text(revision), key
  end
end
if not VOID and (older or live or apart or dropped) then return -5 end
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
return given` as string,
  readKeys: `${bucketPart}
${statePart}
${rowsPart}
${recordsPart}
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
return reply` as string,
  readLog: `${bucketPart}
${statePart}
${rowsPart}
${recordsPart}
${eraPart}
local mark, now_in = tonumber(ARGV[8]), era()
if mark > revision or mark == revision and mark > 0 and last_nonce ~= ARGV[9] then return -4 end
if mark > 0 and mark < revision then
  local step = call('XRANGE', LOG, ARGV[8] .. '-0', ARGV[8] .. '-0')[1]
  if step then
    if step[2][2] ~= ARGV[9] then return -4 end
  else
    local first = call('XRANGE', LOG, '-', '+', 'COUNT', 1)[1]
    if first and tonumber(string.match(first[1], '^%d+')) < mark then return -4 end
    if now_in == '' or now_in ~= ARGV[10] then return -4 end
  end
end
if due > 0 and now >= due then
${logPart}
${ledgerPart}
${settlePart}
  if not settle(ARGV[1]) then return refused or -2 end
end
local after, up_to = tonumber(ARGV[2]), math.min(tonumber(ARGV[3]) or revision, revision)
local newest_only, with_values, limit, max_size = ARGV[4] == '1', ARGV[5] == '1', tonumber(ARGV[6]), tonumber(ARGV[7])
local mode, FIRST, LOOKS = ARGV[11], 12, 2000
if history > 8 then limit = math.min(limit, 200) end
local reply = { revision, compacted, last_nonce, now_in, now, ttl or 0, after }
local given, size, last = 0, 0, after
local function give(key, row)
  given = given + 1
  size = size + (with_values and row.length or 0)
  reply[#reply + 1] = key
  reply[#reply + 1] = record(row, with_values)
  return given < limit and size < max_size
end
local function give_rows(revisions, keys, heads)
  heads = heads or heads_of(keys)
  for i, head in ipairs(heads) do
    local row
    if head and newest_only then
      row = newest_of(head)
      if row and row.revision ~= revisions[i] then row = nil end
    elseif head then
      row = row_of(head, revisions[i])
    end
    last = revisions[i]
    if row and not give(keys[i], row) then return false end
  end
  return true
end
if after >= up_to then
  last = math.max(after, up_to)
elseif mode == 'keys' then
  local found, revisions, keys, heads = {}, {}, {}, {}
  for i = FIRST, #ARGV do keys[#keys + 1] = ARGV[i] end
  for i, head in ipairs(heads_of(keys)) do
    local n = head and byte(head) or 0
    for j = n, math.max(1, newest_only and n or n - history + 1), -1 do
      local rev = read('>I8', head, 2 + (j - 1) * SIZE)
      if rev <= after then break end
      if rev <= up_to then found[#found + 1] = { rev, keys[i], head } end
    end
  end
  table.sort(found, function(a, b) return a[1] < b[1] end)
  for i = 1, math.min(#found, limit) do revisions[i], keys[i], heads[i] = found[i][1], found[i][2], found[i][3] end
  local is_whole = give_rows(revisions, keys, heads)
  if is_whole and #found <= limit or last == (found[#found] or {})[1] then last = up_to end
elseif mode == 'rows' then
  local revisions, keys = {}, {}
  for i = FIRST, math.min(#ARGV, FIRST + 2 * limit - 1), 2 do
    revisions[#revisions + 1] = tonumber(ARGV[i])
    keys[#keys + 1] = ARGV[i + 1]
  end
  give_rows(revisions, keys)
else
  local low, high = '(' .. text(after), text(up_to)
  local most = #ARGV < FIRST and limit or LOOKS
  local newest = call('ZRANGEBYSCORE', NEWEST, low, high, 'WITHSCORES', 'LIMIT', 0, most)
  local older = newest_only and {} or call('ZRANGEBYSCORE', OLDER, low, high, 'WITHSCORES', 'LIMIT', 0, most)
  local revisions, keys, i, j, looked, reached = {}, {}, 1, 1, 0, after
  while looked < most and #revisions < limit and (newest[i] or older[j]) do
    local a, b = tonumber(newest[i + 1]), tonumber(older[j + 1])
    local key
    if a and (not b or a < b) then
      key, reached, i = newest[i], a, i + 2
    else
      key, reached, j = string.match(older[j], ' (.*)$'), b, j + 2
    end
    looked = looked + 1
    local matches = #ARGV < FIRST
    for p = FIRST, #ARGV do matches = matches or string.find(key, ARGV[p]) ~= nil end
    if matches then
      revisions[#revisions + 1] = reached
      keys[#keys + 1] = key
    end
  end
  if looked < most and not newest[i] and not older[j] then reached = up_to end
  if give_rows(revisions, keys) then last = reached end
end
reply[7] = last
return reply` as string,
  readRevision: `${bucketPart}
${statePart}
${rowsPart}
${recordsPart}
local head, wanted = call('HGET', HEADS, ARGV[1]), tonumber(ARGV[2])
if head then
  for _, row in ipairs(visible(head)) do
    if row.revision == wanted then return { ttl or 0, record(row, true) } end
  end
end
return { ttl or 0, false }` as string,
  read: `${bucketPart}
${statePart}
${rowsPart}
${recordsPart}
local reply = { ttl or 0 }
for i, head in ipairs(heads_of(ARGV)) do
  local newest = head and newest_of(head)
  reply[i + 1] = newest and newest.op == 0 and record(newest, true) or false
end
return reply` as string,
  sweep: `${bucketPart}
${statePart}
${rowsPart}
${logPart}
${ledgerPart}
${settlePart}
local is_settled = settle(ARGV[1])
local is_trimmed = trim(ARGV[1])
if refused then return refused end
return { is_settled and is_trimmed and 0 or 1, due, now }` as string,
  takeTurn: `local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return { math.max(1, redis.call('PTTL', KEYS[1])), {} } end
local names = redis.call('ZRANGE', KEYS[2], 0, -1)
redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { 0, names }` as string,
  voidBucket: `${bucketPart}
if call('HGET', META, 'id') == ARGV[1] then return 1 end
local step = call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)[1]
if step then return step[2][2] == 'void' and 0 or 1 end
insist()
call('XADD', LOG, '0-1', 'n', 'void', 'o', '')
call('PEXPIRE', LOG, 3600000)
return 0` as string,
  void: `${bucketPart}
${statePart}
local nonce, since = ARGV[1], tonumber(ARGV[2])
local KEEP, FAR = 3600000, 500
if since > 0 then
  local step = call('XRANGE', LOG, text(since) .. '-0', text(since) .. '-0')[1]
  if not step or step[2][2] ~= ARGV[3] then since = 0 end
end
local known = since > 0 and text(since) .. '-0' or '0-1'
local last, is_known = '+', false
while not is_known do
  local page = call('XREVRANGE', LOG, last, '-', 'COUNT', FAR)
  for _, item in ipairs(page) do
    if item[2][2] == nonce then return { tonumber(string.match(item[1], '^%d+')), item[2][4] } end
    is_known = is_known or item[1] == known
    last = '(' .. item[1]
  end
  if #page < FAR then break end
end
if not is_known then return 1 end
insist()
call('ZREMRANGEBYSCORE', VOID, '-inf', text(now - KEEP))
call('ZADD', VOID, text(now), nonce)
if void == 0 then
  void = 1
  call('HSET', HEADS, '', state())
end
return 0` as string,
};
