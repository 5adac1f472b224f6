-- What a bucket is and holds (rule B8). ARGV: 1 nonce. Gives config, revision, compactedTo, count, bytes.
-- @include bucket
-- @include state
if due > 0 and now >= due or trimming then
  -- @include rows
  -- @include log
  -- @include ledger
  -- @include settle
  if not settle(ARGV[1]) or not trim(ARGV[1]) then return refused or -2 end
end
return { call('HGET', META, 'config'), revision, compacted, count, bytes }
