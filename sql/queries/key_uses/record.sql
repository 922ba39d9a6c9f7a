-- key_uses/record: uses of the caller's keys, at these times ($2), by the token that these claims are of
insert into mako.key_uses
  (user_id, created_at, service, method, host, path, status, duration_ms, bytes_out, bytes_in
  , client_id, access_token_id, service_token)
select $1, least(used.at, now()), used.service, used.method, used.host, used.path, used.status
  , used.duration_ms, used.bytes_out, used.bytes_in
  , token.claims ->> 'client_id', token.claims ->> 'access_token', coalesce(token.claims ->> 'service_token' = 'true', false)
from unnest($2, $3, $4, $5, $6, $7, $8, $9, $10)
    as used (at, service, method, host, path, status, duration_ms, bytes_out, bytes_in)
  , (select current_setting('request.jwt.claims')::jsonb as claims) token
