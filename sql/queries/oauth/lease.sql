-- oauth/lease: the sealed grant ($3 is when it was saved), to be renewed by whoever gets it here and by nobody else for
-- $5 seconds; before its time only if the provider refused it ($4), and not while the provider fails
update public.api_keys
set refresh_lease = now() + $5 * interval '1 second'
where user_id = $1 and service_name = $2 and updated_at = $3
  and is_active and oauth
  and (refresh_lease is null or refresh_lease <= now())
  and (refresh_at <= now() or $4 and refresh_at is distinct from 'infinity' and refresh_failures = 0)
returning encrypted_key
