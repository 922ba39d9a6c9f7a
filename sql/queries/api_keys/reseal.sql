-- api_keys/reseal: the same key, sealed anew ($4), unless it ($3) has been replaced meanwhile
update public.api_keys
set encrypted_key = $4
  , key_hash = $5
  , hint = $6
where user_id = $1 and service_name = $2 and encrypted_key = $3
returning service_name
