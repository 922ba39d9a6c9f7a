-- api_keys/record_outcome: the provider took the key, or refused it ($3); nothing if it was replaced since it was taken ($4)
update public.api_keys
set last_ok_at = case when $3 is null then now() else last_ok_at end
  , last_error = $3
where user_id = $1 and service_name = $2 and updated_at = $4
returning service_name
