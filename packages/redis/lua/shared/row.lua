-- A head: how many rows there are, the rows with the oldest first, then the values that are in line, in the same order.
-- A row: revision, created, own deadline (0: none), operation, length of the value. Operations: 0 PUT, 1 DEL, 2 PURGE,
-- 3 PURGE that an expiry left; APART is added when the value is not in line.
local ROW, SIZE, APART = '>I8I6I8BI4', 27, 4
-- A value of up to this many bytes per kept entry is in line.
local INLINE = 2048
