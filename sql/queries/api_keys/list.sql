-- api_keys/list: which services the caller has keys for; never the keys
select service_name, is_active, hint, created_at, updated_at, last_used_at, last_ok_at, last_error
  , oauth, expires_at, scopes, account
  , oauth and refresh_at = 'infinity' and expires_at <= now()
from public.api_keys
where user_id = $1
order by service_name
