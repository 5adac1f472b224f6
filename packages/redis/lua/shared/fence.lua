-- A step that was given up is not carried out when it arrives after all (rule M10). ARGV[1] is its nonce.
if void > 0 and call('ZSCORE', VOID, ARGV[1]) then return -3 end
