-- Names the stretch of time in which this server has had all that was written: another one begins with every failover and
-- restart, and now and then when replicas come or go (rule W14).
local function era() return string.match(call('INFO', 'replication'), 'master_replid:(%w+)') or '' end
