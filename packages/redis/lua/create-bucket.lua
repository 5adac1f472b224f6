-- Creates a bucket unless there is one. KEYS: 1 meta, 2 log. ARGV: 1 incarnation, 2 config, 3 … names and values of its
-- settings. Gives the incarnation and the config that there is then.
if redis.call('EXISTS', KEYS[1]) == 0 then
  local spread = unpack or table.unpack
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'config', ARGV[2], 'revision', '0', 'created', '0', 'bytes', '0',
    'count', '0', 'due', '0', 'compacted', '0', 'nudges', '1', 'nonce', '', 'trimming', '', spread(ARGV, 3))
  -- As long as the log holds this, its old end was never cut off.
  redis.call('XADD', KEYS[2], '0-1', 'n', 'created', 'o', '')
end
return redis.call('HMGET', KEYS[1], 'id', 'config')
