-- webhook_endpoints/save: the caller's endpoint for a source; without a time zone ($6) it keeps its own, at first UTC
insert into public.webhook_endpoints (user_id, source, endpoint_key_hash, sealed_secret, auth, timezone)
values ($1, $2, $3, $4, $5, coalesce($6, 'UTC'))
on conflict (user_id, source) do update
set endpoint_key_hash = excluded.endpoint_key_hash
  , sealed_secret = excluded.sealed_secret
  , auth = excluded.auth
  , timezone = coalesce($6, webhook_endpoints.timezone)
  , updated_at = now()
returning source, sealed_secret, auth, created_at, updated_at, timezone
