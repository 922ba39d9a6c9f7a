-- api_keys/refused: those of the caller's keys with these ids that their providers refuse
select id, service_name, last_error, oauth, account
from public.api_keys
where user_id = $1 and id = any ($2) and last_error is not null
