-- How many steps the log reaches back, about; and how many revisions go by between two cuts of its old end, which cost more
-- than an entry.
local RETENTION, BETWEEN_CUTS = 10000, 100
-- Adds what a step has to say, by `send`; `since` and `to` are the revisions before and after the step.
local function log(send, since, to, id, nonce, outcomes)
  if since < to and since % BETWEEN_CUTS + to - since < BETWEEN_CUTS then
    return send('XADD', LOG, id, 'n', nonce, 'o', outcomes)
  end
  return send('XADD', LOG, 'MAXLEN', '~', RETENTION, id, 'n', nonce, 'o', outcomes)
end
