-- key_uses/search: the uses of the caller's keys, and which of them the filters let through
select id, created_at, service, method, host, path, status, duration_ms, bytes_out, bytes_in
  , client_id, access_token_id, service_token
  , ($7 is null or service = $7) as matches
from mako.key_uses
where user_id = $1
