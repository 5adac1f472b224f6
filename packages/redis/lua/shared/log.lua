-- How many steps the log reaches back, about; and how many revisions go by between two cuts of its old end, which cost more
-- than an entry.
local RETENTION, BETWEEN_CUTS = 10000, 100
-- Adds what a step has to say, by `send`; `since` is the revision before the step.
local function log(send, since, to, nudge, nonce, outcomes)
  local id = text(to) .. '-' .. text(nudge)
  if since < to and math.floor(since / BETWEEN_CUTS) == math.floor(to / BETWEEN_CUTS) then
    return send('XADD', LOG, id, 'n', nonce, 'o', outcomes)
  end
  return send('XADD', LOG, 'MAXLEN', '~', RETENTION, id, 'n', nonce, 'o', outcomes)
end
