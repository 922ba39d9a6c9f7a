-- api_keys/purge: destroys the caller's key for a service
delete from public.api_keys where user_id = $1 and service_name = $2 returning service_name
