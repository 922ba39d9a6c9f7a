-- phone_numbers/find: one of the caller's numbers
select id, phone, provider, label, verified_at, created_at
from public.user_phone_numbers
where user_id = $1 and id = $2
