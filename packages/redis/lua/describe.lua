-- What a bucket is and holds (rule B8). ARGV: 1 incarnation, 2 nonce. Gives config, revision, compactedTo, count, bytes.
-- @include bucket
if due > 0 and now >= due or trimming then
  -- @include rows
  -- @include ledger
  -- @include settle
  if not settle(ARGV[2]) or not trim(ARGV[2]) then return -2 end
end
return call('HMGET', META, 'config', 'revision', 'compacted', 'count', 'bytes')
