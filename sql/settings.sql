-- The identity and limits of one transaction: $1 the claims, $2 statement_timeout in milliseconds, $3 the role,
-- $4 `read` for a transaction that writes nothing; others stay as writable as the database is.
select case $4 when 'read' then set_config('transaction_read_only', 'on', true) end
     , set_config('search_path', 'public', true)
     , set_config('statement_timeout', $2, true)
     , set_config('idle_in_transaction_session_timeout', '30s', true)
     , set_config('request.jwt.claim', '', true)
     , set_config('request.jwt.claim.sub', '', true)
     , set_config('request.jwt.claim.role', '', true)
     , set_config('request.jwt.claim.email', '', true)
     , set_config('request.jwt.claims', $1, true)
     , set_config('role', $3, true)
