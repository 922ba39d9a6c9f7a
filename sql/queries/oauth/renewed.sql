-- oauth/renewed: the renewed grant, sealed ($3), in place of the one that was saved at $5; times as in oauth/connect
update public.api_keys
set encrypted_key = $3
  , key_hash = $4
  , expires_at = now() + $6 * interval '1 second'
  , refresh_at = case when $7 then now() + greatest($6 - 60, $6 * 3 / 4) * interval '1 second' else 'infinity' end
  , refresh_lease = null
  , refresh_failures = 0
  , scopes = coalesce($8, scopes)
  , last_error = null
  , updated_at = now()
where user_id = $1 and service_name = $2 and updated_at = $5 and oauth
returning service_name
