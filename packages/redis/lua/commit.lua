-- Carries out units in order, each all or nothing (rules M1, M3, O10).
-- ARGV: 1 incarnation, 2 nonce of this commit, 3 for each operation 18 bytes: its code (0 put, 1 delete, 2 purge, 4 check;
-- 8 is added at the end of a unit), the kind of its condition (0 none, 1 not live, 2 a revision), the revision, how long
-- the entry lives in ms (0: as long as the bucket says); 4 … the keys, each put's followed by its value.
-- Gives the head before, then for each unit the revision of its first operation, when all of them have one and they
-- follow each other; else all revisions with commas between; else why it is refused: `c` and the revision found, `v` and
-- the largest value, `t`, `b` and the largest bucket, `m` (no memory), then `@` and the index of the operation. -3: the nonce is void.
-- @include bucket
-- @include rows
-- @include ledger
-- @include settle
local nonce = ARGV[2]
if meta[16] and call('HEXISTS', VOID, nonce) == 1 then return -3 end
if not settle(nonce) then return -2 end
-- The room that trimming gives back counts (rule B10).
if max_bytes and not trim(nonce) then return -2 end

local OPERATION, END, CHECK = '>BBI8I8', 8, 4
-- What the log says of a commit at the most, in bytes; `?` when it would be more.
local LONGEST = 2048
local units, keys, has_put = {}, {}, false
do
  local unit, argument = {}, 4
  for at = 1, #ARGV[3], 18 do
    local code, kind, expect, life = read(OPERATION, ARGV[3], at)
    local w = { op = code % END, key = ARGV[argument], value = '', kind = kind, expect = expect, life = life > 0 and life }
    argument = argument + 1
    if w.op == 0 then
      has_put = true
      w.value = ARGV[argument]
      argument = argument + 1
    end
    unit[#unit + 1], keys[#keys + 1] = w, w.key
    if code >= END then
      units[#units + 1] = unit
      unit = {}
    end
  end
end
load(keys)

-- Changes nothing, but is refused when the server is out of memory: then no unit with a put is carried out.
local is_full = false
if has_put then
  local answer = redis.pcall('HSETNX', META, 'id', '')
  if type(answer) == 'table' and answer.err then
    if not string.find(answer.err, 'OOM', 1, true) then return answer end
    is_full = true
  end
end

-- Says why an operation is refused, by the newest row of its key (rules O3, O4, B9, T3).
local function refusal(w, newest, live)
  if w.kind == 1 and live or w.kind == 2 and w.expect ~= newest then return 'c' .. text(newest) end
  if w.op == CHECK then return nil end
  if is_full and w.op == 0 then return 'm' end
  if w.life and not marker_ttl then return 't' end
  if max_value_size and #w.value > max_value_size then return 'v' .. text(max_value_size) end
end

-- Goes through a unit without carrying it out, and says why it is refused (rules O10, B10).
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
local function carry_out(unit)
  local found, first, has_check = {}, nil, false
  for i, w in ipairs(unit) do
    local e = entries[w.key]
    if w.op == CHECK then
      has_check = true
      found[i] = text(e.revision)
    else
      if w.op == 0 then grows = true end
      local given = append(e, w.op, w.value, w.life, w.op == 2 and 1 or history)
      first = first or given
      found[i] = text(given)
    end
  end
  if has_check then
    is_plain = false
    return table.concat(found, ',')
  end
  return first
end

local reply = { revision }
for i, unit in ipairs(units) do
  local why
  if #unit == 1 and not max_bytes then
    local e = entries[unit[1].key]
    why = refusal(unit[1], e.revision, e.live)
    why = why and why .. '@0'
  else
    why = foresee(unit)
  end
  if why then
    is_plain = false
    reply[i + 1] = why
  else
    reply[i + 1] = carry_out(unit)
  end
end
if #changed > 0 then
  local outcomes = ''
  if not is_plain then
    local words = {}
    -- `+`: carried out; its revisions follow from those of the step.
    for i = 2, #reply do words[i - 1] = type(reply[i]) == 'number' and '+' or reply[i] end
    outcomes = table.concat(words, ' ')
    if #outcomes > LONGEST then outcomes = '?' end
  end
  flush(nonce, outcomes, grows, false)
end
return reply
