-- api_keys/take: the caller's sealed key for a service, to be used now
update public.api_keys
set last_used_at = case when is_active then now() else last_used_at end
where user_id = $1 and service_name = $2
returning encrypted_key, is_active, updated_at, last_error
  , last_error is null and last_ok_at > now() - interval '1 minute'
