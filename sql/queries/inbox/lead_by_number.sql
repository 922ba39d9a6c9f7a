-- inbox/lead_by_number: the caller's newest lead with this number, locked until what follows from its status is written
select id, status
from public.leads
where user_id = $1 and phone = $2
order by created_at desc, id desc
limit 1
for update
