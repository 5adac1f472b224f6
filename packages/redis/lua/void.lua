-- Finds out what became of a commit whose answer was lost; if it was not carried out, sees to it that it never is.
-- ARGV: 1 nonce, 2 and 3 a revision that was the head before it was sent, and the nonce of its step (0: none is known).
-- Gives its last revision and what the log says of its units; 0 when it is void now; 1 when the log does not reach back far
-- enough.
-- @include bucket
-- @include state
local nonce, since = ARGV[1], tonumber(ARGV[2])
-- How long a delayed commit is expected, in ms; how many steps are looked at together.
local KEEP, FAR = 3600000, 500
if since > 0 then
  -- In the log of another history the revision says nothing.
  local step = call('XRANGE', LOG, text(since) .. '-0', text(since) .. '-0')[1]
  if not step or step[2][2] ~= ARGV[3] then since = 0 end
end
local last, is_known = '+', false
while not is_known do
  local page = call('XREVRANGE', LOG, last, '-', 'COUNT', FAR)
  for _, item in ipairs(page) do
    local rev, nudge = string.match(item[1], '^(%d+)%-(%d+)$')
    if item[2][2] == nonce and nudge == '0' then return { tonumber(rev), item[2][4] } end
    if tonumber(rev) <= since then
      is_known = true
      break
    end
    last = '(' .. item[1]
  end
  if #page < FAR then break end
end
if not is_known then return 1 end
if void > 0 and void < now then call('UNLINK', VOID) end
call('HSET', VOID, nonce, text(now))
void = now + KEEP
call('HSET', HEADS, '', state())
return 0
