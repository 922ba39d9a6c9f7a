-- api_keys/record_outcome: the provider took the key, or refused it ($3); nothing if it was replaced since it was taken ($4),
-- or if it is a grant that has ended, and says why
update public.api_keys
set last_ok_at = case when $3 is null then now() else last_ok_at end
  , last_error = $3
where user_id = $1 and service_name = $2 and updated_at = $4
  and not (oauth and refresh_at = 'infinity' and expires_at <= now() and last_error is not null)
returning service_name
