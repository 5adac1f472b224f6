// Generated from lua/ by scripts/generate.ts: edit those files, then run `npm run generate`.

const bucketPart = `local call, byte, char, sub, format = redis.call, string.byte, string.char, string.sub, string.format
local pack, read = struct.pack, struct.unpack
local spread = unpack or table.unpack
local META, HEADS, VALUES, NEWEST, OLDER, LIVE, MARKED, DEADLINE, LOG, VOID =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local STATE = '>I8I2I8I8I8I8I8I8I8I8I8I8I8I8'
local first = {}
local function text(number) return format('%.0f', number) end`;

const ledgerPart = `local INLINE = 2048
local RETENTION = 10000
local entries, changed = {}, {}
local added, removed = {}, {}
local stamp = math.max(now, created)
local work = 0
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
local function drop(e)
  local rev, _, expires, op, length = read(ROW, e.rows)
  forget(e, rev, expires, op, length, e.n == 1)
  e.rows = sub(e.rows, SIZE + 1)
  if op < APART then e.blob = sub(e.blob, length + 1) end
  e.n = e.n - 1
  if e.n == 0 then reread(e) end
end
local function clear(e)
  for i = 1, e.n do
    local rev, _, expires, op, length = read(ROW, e.rows, 1 + (i - 1) * SIZE)
    forget(e, rev, expires, op, length, i == e.n)
  end
  e.rows, e.blob, e.n = '', '', 0
  e.revision, e.live = 0, false
end
local function parse(key, head)
  local e = { key = key, n = 0, rows = '', blob = '', revision = 0, created = 0, expires = 0, op = 0, live = false,
    before = nil, written = 0, changed = false }
  if head then
    e.n = byte(head)
    e.rows = sub(head, 2, 1 + e.n * SIZE)
    e.blob = sub(head, 2 + e.n * SIZE)
    reread(e)
    e.before, e.written = e.live and LIVE or MARKED, e.revision
  end
  entries[key] = e
  if trimming then while e.n > history do drop(e) end end
end
local function rows_of(e)
  local rows, blob_at = {}, 1
  for i = 1, e.n do
    local rev, since, expires, op, length = read(ROW, e.rows, 1 + (i - 1) * SIZE)
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
local function insist() call('HDEL', META, '') end
local logged = revision
local function flush(nonce, outcomes, grows, is_seen)
  if not grows then insist() end
  if revision > logged or is_seen then
    if revision > logged then nudges, last_nonce = 0, nonce else nudges = nudges + 1 end
    local answer = (grows and redis.pcall or call)('XADD', LOG, 'MAXLEN', '~', RETENTION,
      text(revision) .. '-' .. text(nudges), 'n', nonce, 'o', outcomes)
    if type(answer) == 'table' then return answer end
    logged, created = revision, stamp
  end
  for _, e in ipairs(changed) do
    local after = e.n > 0 and (e.live and LIVE or MARKED) or nil
    if e.before ~= after then
      if e.before then take(e.before, e.key) end
      if after then put(after, e.key, '0') end
    end
    if after then
      put(HEADS, e.key, char(e.n) .. e.rows .. e.blob)
      if e.written ~= e.revision then put(NEWEST, e.key, text(e.revision)) end
    elseif e.before then
      take(HEADS, e.key)
      take(NEWEST, e.key)
    end
    e.before, e.written, e.changed = after, e.revision, false
  end
  put(HEADS, '', state())
  for index, list in pairs(removed) do send((index == HEADS or index == VALUES) and 'HDEL' or 'ZREM', index, list) end
  for index, fields in pairs(added) do
    local is_hash, list = index == HEADS or index == VALUES, {}
    for field, value in pairs(fields) do
      list[#list + 1] = is_hash and field or value
      list[#list + 1] = is_hash and value or field
    end
    send(is_hash and 'HSET' or 'ZADD', index, list)
  end
  added, removed, changed = {}, {}, {}
end`;

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
local function row_of(head, wanted)
  local n = byte(head)
  local value_at = 2 + n * SIZE
  for i = 1, n do
    local at = 2 + (i - 1) * SIZE
    local rev, _, _, op, length = read(ROW, head, at)
    if rev == wanted then
      if i <= n - history then return nil end
      return { revision = rev, op = op % APART, length = length, head = head, at = at, value_at = op < APART and value_at }
    end
    if op < APART then value_at = value_at + length end
  end
end
local function record(row, with_value)
  local line = char(1) .. sub(row.head, row.at, row.at + SIZE - 1)
  if not with_value or row.length == 0 then return line end
  if row.value_at then return line .. sub(row.head, row.value_at, row.value_at + row.length - 1) end
  return line .. (call('HGET', VALUES, text(row.revision)) or '')
end`;

const rowsPart = `local ROW, SIZE, APART = '>I8I6I8BI4', 27, 4
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

const settlePart = `local PAGE, MOST = 200, 500
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
    local e = entries[found.key]
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
  local is_more = false
  local own = found_in(DEADLINE, '-inf', text(now), 'LIMIT', 0, PAGE)
  for _, found in ipairs(own) do
    if work >= MOST then break end
    lapse(entries[found.key], found.revision)
  end
  if #own == PAGE or work >= MOST then is_more = true end
  if ttl then
    local keys = call('ZRANGE', NEWEST, 0, PAGE - 1)
    load(keys)
    local all = #keys == PAGE
    for _, key in ipairs(keys) do
      local e = entries[key]
      if work >= MOST then break end
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
  insist()
  call('HSET', HEADS, '', state())
  return not is_more
end
local function trim(nonce)
  if not trimming then return true end
  local items = call('ZRANGEBYSCORE', OLDER, '(' .. text(trimming), '+inf', 'LIMIT', 0, PAGE)
  local last, looked = trimming, 0
  for i, item in ipairs(items) do
    if work >= MOST then break end
    local key
    last, key = split(item)
    load({ key })
    looked = i
  end
  trimming = (looked == PAGE or looked < #items) and last or nil
  flush('s' .. sub(nonce, 2), '', false, false)
  return trimming == nil
end`;

const statePart = `local found = call('HMGET', HEADS, '', spread(first))
if not found[1] then return -1 end
local ttl, history, marker_ttl, max_value_size, max_bytes, revision, created, bytes, count, due, compacted, nudges,
  trimming, void, behind = read(STATE, found[1])
if ttl == 0 then ttl = nil end
if marker_ttl == 0 then marker_ttl = nil end
if max_value_size == 0 then max_value_size = nil end
if max_bytes == 0 then max_bytes = nil end
trimming = trimming > 0 and trimming - 1 or nil
local last_nonce = sub(found[1], behind)
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function state()
  return pack(STATE, ttl or 0, history, marker_ttl or 0, max_value_size or 0, max_bytes or 0, revision, created, bytes,
    count, due, compacted, nudges, trimming and trimming + 1 or 0, void) .. last_nonce
end`;

/** The scripts, by name. */
export const scripts = {
  commit: `${bucketPart}
local OPERATION, WIDTH, FULL, END, CHECK, ELSEWHERE = '>BBI8I8I2I4', 24, 16, 8, 4, 4294967295
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
if void > 0 and call('HEXISTS', VOID, nonce) == 1 then return -3 end
${rowsPart}
${ledgerPart}
if due > 0 and now >= due or max_bytes and trimming then
${settlePart}
  if not settle(nonce) or max_bytes and not trim(nonce) then return -2 end
end
for i, key in ipairs(first) do
  if not entries[key] then parse(key, found[i + 1]) end
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
      local e = entries[w.key]
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
  return append(entries[w.key], w.op, w.value, w.life, w.op == 2 and 1 or history)
end
local function carry_out_all(unit)
  local given, first_given, has_check = {}, nil, false
  for i, w in ipairs(unit) do
    if w.op == CHECK then
      has_check = true
      given[i] = text(entries[w.key].revision)
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
local reply = { revision }
for i, unit in ipairs(units) do
  local w, why = unit[1], nil
  local is_single = #unit == 1 and w.op ~= CHECK
  if is_single and not max_bytes then
    local e = entries[w.key]
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
  if not is_plain then
    local words = {}
    for i = 2, #reply do words[i - 1] = type(reply[i]) == 'number' and '+' or reply[i] end
    outcomes = table.concat(words, ' ')
    if #outcomes > LONGEST then outcomes = '?' end
  end
  local refused = flush(nonce, outcomes, grows, false)
  if refused then return string.find(refused.err, 'OOM', 1, true) and -4 or refused end
end
return reply` as string,
  configure: `${bucketPart}
${statePart}
${rowsPart}
${ledgerPart}
${settlePart}
if call('HGET', META, 'config') ~= ARGV[2] then return 0 end
if not settle(ARGV[1]) then return -2 end
local wanted = tonumber(ARGV[5])
if wanted > history and not trim(ARGV[1]) then return -2 end
if wanted < history then trimming = 0 end
local function setting(index)
  local value = tonumber(ARGV[index])
  return value > 0 and value or nil
end
ttl, history, marker_ttl, max_value_size, max_bytes = setting(4), wanted, setting(6), setting(7), setting(8)
due = 1
flush(ARGV[1], '', false, true)
call('HSET', META, 'config', ARGV[3])
return 1` as string,
  createBucket: `${bucketPart}
if call('EXISTS', META) == 0 then
  call('HSET', META, 'id', ARGV[1], 'config', ARGV[2])
  call('HSET', HEADS, '', pack(STATE, ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], 0, 0, 0, 0, 0, 0, 1, 0, 0))
  call('XADD', LOG, '0-1', 'n', 'created', 'o', '')
end
return call('HMGET', META, 'id', 'config')` as string,
  deleteBucket: `${bucketPart}
${statePart}
call('UNLINK', META, HEADS, VALUES, NEWEST, OLDER, LIVE, MARKED, DEADLINE, VOID)
call('XADD', LOG, 'MAXLEN', 1, text(revision) .. '-' .. text(nudges + 1), 'n', 'deleted', 'o', '')
call('PEXPIRE', LOG, 60000)
return 1` as string,
  describe: `${bucketPart}
${statePart}
if due > 0 and now >= due or trimming then
${rowsPart}
${ledgerPart}
${settlePart}
  if not settle(ARGV[1]) or not trim(ARGV[1]) then return -2 end
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
local reply, last, room = { up_to, '', 1 }, from_key, limit
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
    for j, head in ipairs(heads_of(keys)) do
      local rows = newest_only and { newest_of(head) } or visible(head)
      for k = 1, #rows do
        if rows[k].revision > after and rows[k].revision <= up_to then
          reply[#reply + 1] = rows[k].revision
          reply[#reply + 1] = keys[j]
        end
      end
    end
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
if due > 0 and now >= due then
${rowsPart}
${ledgerPart}
${settlePart}
  if not settle(ARGV[1]) then return -2 end
end
return { revision, compacted, last_nonce }` as string,
  purgeMarkers: `${bucketPart}
${statePart}
${rowsPart}
${ledgerPart}
${settlePart}
if not settle(ARGV[1]) then return -2 end
local older_than, after, limit = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local keys = call('ZRANGEBYLEX', MARKED, after == '' and '-' or '(' .. after, '+', 'LIMIT', 0, limit)
local removed, done = 0, #keys < limit and 1 or 0
load(keys)
for i, key in ipairs(keys) do
  local e = entries[key]
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
  if removed >= 1000 and i < #keys then
    done = 0
    break
  end
end
if #changed > 0 then flush(ARGV[1], '', false, true) end
return { removed, after, done }` as string,
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
local mark = tonumber(ARGV[8])
if mark > revision or mark == revision and mark > 0 and last_nonce ~= ARGV[9] then return -4 end
if mark > 0 and mark < revision then
  local step = call('XRANGE', LOG, ARGV[8] .. '-0', ARGV[8] .. '-0')[1]
  if step then
    if step[2][2] ~= ARGV[9] then return -4 end
  else
    local first = call('XRANGE', LOG, '-', '+', 'COUNT', 1)[1]
    if first and tonumber(string.match(first[1], '^%d+')) <= mark then return -4 end
  end
end
if due > 0 and now >= due then
${ledgerPart}
${settlePart}
  if not settle(ARGV[1]) then return -2 end
end
local after, up_to = tonumber(ARGV[2]), math.min(tonumber(ARGV[3]) or revision, revision)
local newest_only, with_values, limit, max_size = ARGV[4] == '1', ARGV[5] == '1', tonumber(ARGV[6]), tonumber(ARGV[7])
local mode, FIRST, LOOKS = ARGV[10], 11, 2000
local reply = { revision, compacted, last_nonce, now, ttl or 0, after }
local given, size, last = 0, 0, after
local function give(key, row)
  given = given + 1
  size = size + (with_values and row.length or 0)
  reply[#reply + 1] = key
  reply[#reply + 1] = record(row, with_values)
  return given < limit and size < max_size
end
local function give_rows(revisions, keys)
  for i, head in ipairs(heads_of(keys)) do
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
  local rows, keys = {}, {}
  for i = FIRST, #ARGV do keys[#keys + 1] = ARGV[i] end
  for i, head in ipairs(heads_of(keys)) do
    local kept = not head and {} or newest_only and { newest_of(head) } or visible(head)
    for j = 1, #kept do
      if kept[j].revision > after and kept[j].revision <= up_to then
        kept[j].key = keys[i]
        rows[#rows + 1] = kept[j]
      end
    end
  end
  table.sort(rows, function(a, b) return a.revision < b.revision end)
  last = up_to
  for i, row in ipairs(rows) do
    if not give(row.key, row) and i < #rows then
      last = row.revision
      break
    end
  end
elseif mode == 'rows' then
  local revisions, keys = {}, {}
  for i = FIRST, #ARGV, 2 do
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
  while looked < most and (newest[i] or older[j]) do
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
  if looked < most then reached = up_to end
  if give_rows(revisions, keys) then last = reached end
end
reply[6] = last
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
${ledgerPart}
${settlePart}
local is_settled = settle(ARGV[1])
local is_trimmed = trim(ARGV[1])
return { is_settled and is_trimmed and 0 or 1, due, now }` as string,
  takeTurn: `local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return { math.max(1, redis.call('PTTL', KEYS[1])) } end
local names = redis.call('ZRANGE', KEYS[2], 0, -1)
redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { 0, (unpack or table.unpack)(names) }` as string,
  void: `${bucketPart}
${statePart}
local nonce, since = ARGV[1], tonumber(ARGV[2])
local KEEP, FAR = 3600000, 500
if since > 0 then
  local step = call('XRANGE', LOG, text(since) .. '-0', text(since) .. '-0')[1]
  if not step or step[2][2] ~= ARGV[3] then since = 0 end
end
local last, is_known = '+', false
while not is_known do
  local page = call('XREVRANGE', LOG, last, '-', 'COUNT', FAR)
  for _, item in ipairs(page) do
    local rev, nudge = string.match(item[1], '^(%d+)%-(%d+)$')
    if item[2][2] == nonce and nudge == '0' then return { tonumber(rev), item[2][4] } end
    if tonumber(rev) <= since then
      is_known = true
      break
    end
    last = '(' .. item[1]
  end
  if #page < FAR then break end
end
if not is_known then return 1 end
if void > 0 and void < now then call('UNLINK', VOID) end
call('HSET', VOID, nonce, text(now))
void = now + KEEP
call('HSET', HEADS, '', state())
return 0` as string,
};
