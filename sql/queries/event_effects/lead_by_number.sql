-- event_effects/lead_by_number: the caller's newest lead with this number, in the first of these spellings that one has, locked
-- until what follows from its status is written
select id, status
from public.leads
where user_id = $1 and phone = any ($2)
order by array_position($2, phone), created_at desc, id desc
limit 1
for update
