-- phone_numbers/list: a page of the caller's numbers, newest first
select id, phone, provider, label, verified_at, created_at
from public.user_phone_numbers
where user_id = $1 and (created_at, id) < ($2, $3)
order by created_at desc, id desc
limit $4
