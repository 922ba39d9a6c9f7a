-- key_uses/list: a page of the uses of the caller's keys, newest first
select id, created_at, service, method, host, path, status, duration_ms, bytes_out, bytes_in
  , client_id, access_token_id, service_token
from mako.key_uses
where user_id = $1 and (created_at, id) < ($2, $3)
order by created_at desc, id desc
limit $4
