-- api_keys/deactivate: disconnects a service; the sealed key stays, and is not used
update public.api_keys
set updated_at = case when is_active then now() else updated_at end
  , is_active = false
where user_id = $1 and service_name = $2
returning service_name
