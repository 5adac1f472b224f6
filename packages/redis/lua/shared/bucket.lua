-- A bucket's keys, all of one hash tag:
--   1 meta     HASH    id: the incarnation, config: as the client wrote it
--   2 heads    HASH    key -> its kept entries, newest last, small values included; '' -> the state of the bucket
--   3 values   HASH    revision -> a value that is too large for the head
--   4 newest   ZSET    key -> revision of its newest entry
--   5 older    ZSET    "revision key" -> revision, of each kept entry that is not the newest of its key
--   6 live     ZSET    keys whose newest entry is a value, by byte
--   7 marked   ZSET    keys whose newest entry is a marker, by byte
--   8 deadline ZSET    "revision key" -> deadline, of each kept entry that has its own
--   9 log      STREAM  one entry for each step that changed something, see `log`
--  10 void     ZSET    nonces of steps that were given up and must not be carried out any more -> when
-- All but the first carry the incarnation in their names: what is found there is of this one.
-- @include base
local META, HEADS, VALUES, NEWEST, OLDER, LIVE, MARKED, DEADLINE, LOG, VOID =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]

-- The state: ttl, history, ttl of expiry markers, largest value, largest bucket (0: unset), then what `state` says, then
-- the nonce of the step that gave the newest revision. What puts change comes last. Clients read ttl, revision and nonce.
local STATE = '>I8I2I8I8I8I8I8I8I8I8I8I8I8I8'
-- Keys whose heads are read together with the state.
local first = {}

-- Without memory a server refuses commands that need some, but not after one that could give some back.
local function insist() call('HDEL', META, '') end
