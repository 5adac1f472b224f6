-- Of all managers one at a time looks for what is due. KEYS: 1 whose turn it is, 2 the buckets in which entries can expire.
-- ARGV: 1 who asks, 2 how long a turn is, in ms. Gives how long the other's turn is still, in ms (0: it is ours), and the buckets.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return { math.max(1, redis.call('PTTL', KEYS[1])), {} } end
local names = redis.call('ZRANGE', KEYS[2], 0, -1)
-- Without memory there are no turns, and everybody looks.
redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { 0, names }
