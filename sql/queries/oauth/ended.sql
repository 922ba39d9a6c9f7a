-- oauth/ended: the provider has ended the grant that was saved at $3, and said so ($4): it isn't asked again
update public.api_keys
set last_error = $4
  , expires_at = least(expires_at, now())
  , refresh_at = 'infinity'
  , refresh_lease = null
where user_id = $1 and service_name = $2 and updated_at = $3 and oauth
returning service_name
