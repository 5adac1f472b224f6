-- The newest revision, compactedTo, and the nonce of the step that gave that revision. ARGV: 1 incarnation, 2 nonce.
-- @include bucket
if due > 0 and now >= due then
  -- @include rows
  -- @include ledger
  -- @include settle
  if not settle(ARGV[2]) then return -2 end
end
return call('HMGET', META, 'revision', 'compacted', 'nonce')
