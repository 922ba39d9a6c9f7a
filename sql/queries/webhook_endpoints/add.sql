-- webhook_endpoints/add: an endpoint of the caller's for a source; none if there is one by now
insert into public.webhook_endpoints (user_id, source, endpoint_key_hash, sealed_secret, auth, timezone)
values ($1, $2, $3, $4, $5, coalesce($6, 'UTC'))
on conflict (user_id, source) do nothing
returning source, sealed_secret, auth, created_at, updated_at, timezone
