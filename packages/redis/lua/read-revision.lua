-- A kept entry of a key. ARGV: 1 key, 2 revision. Gives the bucket's ttl (0: none) and a record, or nil.
-- @include bucket
-- @include state
-- @include rows
-- @include records
local head, wanted = call('HGET', HEADS, ARGV[1]), tonumber(ARGV[2])
if head then
  for _, row in ipairs(visible(head)) do
    if row.revision == wanted then return { ttl or 0, record(row, true) } end
  end
end
return { ttl or 0, false }
