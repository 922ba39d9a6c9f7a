-- webhook_endpoints/save: the caller's endpoint for a source
insert into public.webhook_endpoints (user_id, source, endpoint_key_hash, sealed_secret, auth)
values ($1, $2, $3, $4, $5)
on conflict (user_id, source) do update
set endpoint_key_hash = excluded.endpoint_key_hash
  , sealed_secret = excluded.sealed_secret
  , auth = excluded.auth
  , updated_at = now()
returning source, sealed_secret, auth, created_at, updated_at
