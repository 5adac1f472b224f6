-- Creates a bucket unless there is one, or this incarnation was given up. ARGV: 1 incarnation, 2 config, 3 … 7 what the state begins with: ttl, history, ttl
-- of expiry markers, largest value, largest bucket (0: unset). Gives the incarnation that there is then, if any.
-- @include bucket
if call('EXISTS', META) == 0 and call('EXISTS', LOG) == 0 then
  call('HSET', META, 'id', ARGV[1], 'config', ARGV[2])
  call('HSET', HEADS, '', pack(STATE, ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], 0, 0, 0, 0, 0, 0, 0, 0, 1))
  -- As long as the log holds this, its old end was never cut off.
  call('XADD', LOG, '0-1', 'n', 'created', 'o', '')
end
return call('HGET', META, 'id')
