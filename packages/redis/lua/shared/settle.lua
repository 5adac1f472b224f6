-- How many due rows, or rows to be trimmed, one call looks at.
local PAGE = 300

-- Tells whether this user, on this server, can carry out what is due; if not, somebody else will.
local function may_write()
  local answer = redis.pcall('HDEL', META, '')
  local err = type(answer) == 'table' and answer.err
  if err then refused = redis.error_reply('DUE ' .. err) end
  return not err
end

-- Reads the heads of some keys together.
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

-- Removes one row of a key, if it has it; when it is a marker, watchers can no longer learn of it (rule W13).
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

-- Carries out the expiry of a key's newest row: with it goes all that the key has (rule T4).
local function expire(e)
  local was_live = e.live
  for _, row in ipairs(rows_of(e)) do
    -- An older marker that is due as well counts, whether or not anybody looked when it fell due (rule W13).
    if row.op % APART ~= 0 and is_due(row.created, row.expires) then compacted = math.max(compacted, row.revision) end
  end
  clear(e)
  if was_live and marker_ttl then append(e, 3, '', marker_ttl, 1) end
end

-- Carries out the expiry of one row that was found to be due.
local function lapse(e, rev)
  if e.n == 0 then return end
  if is_due(e.created, e.expires) then expire(e) else remove_for_good(e, rev) end
end

-- Carries out all expiries of a key (rule T9).
local function settle_key(e)
  if e.n == 0 then return end
  if is_due(e.created, e.expires) then return expire(e) end
  for _, row in ipairs(rows_of(e)) do
    if is_due(row.created, row.expires) then remove_for_good(e, row.revision) end
  end
end

-- "revision key" -> both
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
-- Carries out what is due by age of rows that are given with the oldest first; tells whether there may be more.
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

-- The time when the next row is due; 0: none ever is.
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

-- Carries out a page of what is due, markers included, as a step of its own; false when there is more, or when that is
-- `refused` (rules T1, T2).
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

-- Carries out a page of the trimming that a lowered history asks for; false when there is more (rule B6).
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
end
