-- The newest revision, compactedTo, the nonce of the step that gave that revision, and the era. ARGV: 1 nonce.
-- @include bucket
-- @include state
-- @include era
if due > 0 and now >= due then
  -- @include rows
  -- @include log
  -- @include ledger
  -- @include settle
  if not settle(ARGV[1]) then return refused or -2 end
end
return { revision, compacted, last_nonce, era() }
