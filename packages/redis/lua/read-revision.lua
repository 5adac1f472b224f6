-- A kept entry of a key. ARGV: 1 incarnation, 2 key, 3 revision. Gives the bucket's ttl (0: none) and a record, or nil.
-- @include bucket
-- @include rows
local head, wanted = call('HGET', HEADS, ARGV[2]), tonumber(ARGV[3])
if head then
  for _, row in ipairs(visible(head)) do
    if row.revision == wanted then return { ttl or 0, record(row, true) } end
  end
end
return { ttl or 0, false }
