-- Finds out what became of a step whose answer was lost; if it was not carried out, sees to it that it never is.
-- ARGV: 1 nonce, 2 and 3 a revision that was the head before it was sent, and the nonce of its step (0: none is known).
-- Gives its last revision and what the log says of it; 0 when it is void now; 1 when the log does not reach back far
-- enough.
-- @include bucket
-- @include state
local nonce, since = ARGV[1], tonumber(ARGV[2])
-- How long a delayed step is expected, in ms; how many steps are looked at together.
local KEEP, FAR = 3600000, 500
if since > 0 then
  -- In the log of another history the revision says nothing.
  local step = call('XRANGE', LOG, text(since) .. '-0', text(since) .. '-0')[1]
  if not step or step[2][2] ~= ARGV[3] then since = 0 end
end
-- The first entry of a log that was never cut off, when no later one is known.
local known = since > 0 and text(since) .. '-0' or '0-1'
local last, is_known = '+', false
while not is_known do
  local page = call('XREVRANGE', LOG, last, '-', 'COUNT', FAR)
  for _, item in ipairs(page) do
    if item[2][2] == nonce then return { tonumber(string.match(item[1], '^%d+')), item[2][4] } end
    is_known = is_known or item[1] == known
    last = '(' .. item[1]
  end
  if #page < FAR then break end
end
if not is_known then return 1 end
insist()
call('ZREMRANGEBYSCORE', VOID, '-inf', text(now - KEEP))
call('ZADD', VOID, text(now), nonce)
if void == 0 then
  void = 1
  call('HSET', HEADS, '', state())
end
return 0
