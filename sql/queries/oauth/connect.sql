-- oauth/connect: what a provider granted, sealed ($3), in place of the key or grant before. The access token lasts $5
-- seconds; it is renewed a minute before that, or after three quarters of a short life, if it can be ($6)
insert into public.api_keys
  (user_id, service_name, encrypted_key, key_hash, is_active, oauth, expires_at, refresh_at, scopes, account)
values ($1, $2, $3, $4, true, true
  , now() + $5 * interval '1 second'
  , case when $6 then now() + greatest($5 - 60, $5 * 3 / 4) * interval '1 second' else 'infinity' end
  , $7, $8)
on conflict (user_id, service_name) do update
set encrypted_key = excluded.encrypted_key
  , key_hash = excluded.key_hash
  , hint = null
  , is_active = true
  , oauth = true
  , expires_at = excluded.expires_at
  , refresh_at = excluded.refresh_at
  , refresh_lease = null
  , refresh_failures = 0
  , scopes = excluded.scopes
  , account = excluded.account
  , last_ok_at = null
  , last_error = null
  , updated_at = now()
returning service_name
