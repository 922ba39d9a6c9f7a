-- event_effects/lead_by_digits: the caller's newest lead whose number, as somebody typed it, has these digits, locked as well
select id, status
from public.leads
where user_id = $1
  and phone !~ '^[+]?[0-9]+$' -- which lead_by_number finds
  and regexp_replace(phone, '[^0-9]', '', 'g') = any ($2)
order by array_position($2, regexp_replace(phone, '[^0-9]', '', 'g')), created_at desc, id desc
limit 1
for update
