-- Carries out units in order, each all or nothing (rules M1, M3, O10).
-- ARGV: 1 nonce of this commit, 2 the operations, 3 … values that are not among them.
-- Gives the head before, then for each unit the revision of its first operation, when all of them have one and they
-- follow each other; else all revisions with commas between; else why it is refused: `c` and the revision found, `v` and
-- the largest value, `t`, `b` and the largest bucket, `m` (no memory), then `@` and the index of the operation. Units
-- for which there is nothing were not carried out: they would have held up the server for long. -4: the server has no memory for the puts, and nothing was carried out.
-- @include bucket
-- @include operations
local FULL, END, CHECK = 16, 8, 4
-- What the log says of a commit at the most, in bytes; `?` when it would be more.
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
-- @include state
-- @include fence
-- @include rows
-- @include log
-- @include ledger
local asked = #units
for i, key in ipairs(first) do heads[key] = found[i + 1] end
if due > 0 and now >= due or max_bytes and trimming then
  -- @include settle
  if max_bytes then
    -- What expiries and trimming give back counts (rule B10).
    if not settle(nonce) or not trim(nonce) then return refused or -2 end
  else
    -- What is due of other keys is left to others: it may take long.
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

-- Says why an operation is refused, by the newest row of its key (rules O3, O4, B9, T3).
local function refusal(w, newest, live)
  if w.kind == 1 and live or w.kind == 2 and w.expect ~= newest then return 'c' .. text(newest) end
  if w.op == CHECK then return nil end
  if w.is_full then return 'm' end
  if w.life and not marker_ttl then return 't' end
  if max_value_size and #w.value > max_value_size then return 'v' .. text(max_value_size) end
end

-- Goes through a unit without carrying it out, and says why it is refused (rules O10, B10).
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
    -- `+`: carried out; its revisions follow from those of the step.
    for i = 2, #reply do words[i - 1] = type(reply[i]) == 'number' and '+' or reply[i] end
    outcomes = table.concat(words, ' ')
    if #outcomes > LONGEST then outcomes = '?' end
  end
  local answer = flush(nonce, outcomes, grows, false)
  if answer then return string.find(answer.err, 'OOM', 1, true) and -4 or answer end
end
return reply
