-- oauth/find: the caller's sealed grant of a service, to be revoked at its provider
select encrypted_key from public.api_keys where user_id = $1 and service_name = $2 and oauth
