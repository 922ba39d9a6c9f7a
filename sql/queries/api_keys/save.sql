-- api_keys/save: the caller's key for a service, sealed ($3) and with its fingerprint ($4); replaces the one before
insert into public.api_keys (user_id, service_name, encrypted_key, key_hash, hint, is_active)
values ($1, $2, $3, $4, $5, true)
on conflict (user_id, service_name) do update
set encrypted_key = excluded.encrypted_key
  , key_hash = excluded.key_hash
  , hint = excluded.hint
  , is_active = true
  , oauth = false
  , expires_at = null
  , refresh_at = null
  , refresh_lease = null
  , refresh_failures = 0
  , scopes = null
  , account = null
  , last_ok_at = null
  , last_error = null
  , updated_at = now()
returning service_name, is_active, hint, created_at, updated_at, last_used_at, last_ok_at, last_error
  , oauth, expires_at, scopes, account, false
