-- An operation of a commit: its code (0 put, 1 delete, 2 purge, 4 check; 8 is added at the end of a unit, 16 to a put that
-- is to be refused because the server is out of memory), the kind of its condition (0 none, 1 not live, 2 a revision), the
-- revision, how long the entry lives in ms (0: as long as the bucket says), how long key and value are (ELSEWHERE: the value
-- is an argument of its own), key, value.
local OPERATION, WIDTH, ELSEWHERE = '>BBI8I8I2I4', 24, 4294967295
