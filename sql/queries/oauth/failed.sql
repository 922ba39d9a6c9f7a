-- oauth/failed: the provider couldn't renew the grant that was saved at $3; it is asked again after 1, 2, 4 … 300 seconds
update public.api_keys
set refresh_failures = refresh_failures + 1
  , refresh_at = now() + least(300, 2 ^ least(refresh_failures, 9)) * interval '1 second'
  , refresh_lease = null
where user_id = $1 and service_name = $2 and updated_at = $3 and oauth
returning service_name
