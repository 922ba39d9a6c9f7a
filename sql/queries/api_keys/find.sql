-- api_keys/find: the caller's sealed key for a service and its fingerprint, to be compared with another
select encrypted_key, key_hash from public.api_keys where user_id = $1 and service_name = $2
