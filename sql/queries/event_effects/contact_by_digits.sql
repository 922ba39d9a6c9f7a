-- event_effects/contact_by_digits: the caller's newest contact whose number, as somebody typed it, has these digits, locked
select id
from public.contacts
where user_id = $1
  and phone !~ '^[+]?[0-9]+$' -- which event_effects/contact finds
  and regexp_replace(phone, '[^0-9]', '', 'g') = any ($2)
order by array_position($2, regexp_replace(phone, '[^0-9]', '', 'g')), created_at desc, id desc
limit 1
for update
