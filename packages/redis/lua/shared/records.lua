-- The rows of a head as readers see them, oldest first: not due, and no more than the history allows.
local function visible(head)
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

-- The newest row of a head, unless it is due.
local function newest_of(head)
  local at = 2 + (byte(head) - 1) * SIZE
  local rev, since, expires, op, length = read(ROW, head, at)
  if is_due(since, expires) then return nil end
  return { revision = rev, op = op % APART, length = length, head = head, at = at, value_at = op < APART and #head - length + 1 }
end

-- Where the value of the row at `i` begins, if it is in line: the values of all rows before it come first.
local function value_start(head, i)
  local value_at, before = 2 + byte(head) * SIZE, 1
  while before < i do
    local op, a, b, c, d = byte(head, 24 + (before - 1) * SIZE, 28 + (before - 1) * SIZE)
    if op < APART then value_at = value_at + ((a * 256 + b) * 256 + c) * 256 + d end
    before = before + 1
  end
  return value_at
end

-- The row of a head with this revision, if the history reaches back to it, in a bucket where nothing is due.
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

-- What the client gets of a row: a head of one row, with its value if that is wanted.
local function record(row, with_value)
  local line = char(1) .. sub(row.head, row.at, row.at + SIZE - 1)
  if not with_value or row.length == 0 then return line end
  if row.value_at then return line .. sub(row.head, row.value_at, row.value_at + row.length - 1) end
  return line .. (call('HGET', VALUES, text(row.revision)) or '')
end
