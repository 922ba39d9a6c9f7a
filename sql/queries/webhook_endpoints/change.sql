-- webhook_endpoints/change: the caller's endpoint for a source, made of what it was: none if what is sealed isn't that ($7) any more,
-- which each change seals anew; without a time zone ($6) it keeps its own
update public.webhook_endpoints
set endpoint_key_hash = $3
  , sealed_secret = $4
  , auth = $5
  , timezone = coalesce($6, timezone)
  , updated_at = now()
where user_id = $1 and source = $2 and sealed_secret is not distinct from $7
returning source, sealed_secret, auth, created_at, updated_at, timezone
