-- event_effects/lead: the caller's newest lead with this number, in the first of these spellings ($2) that one has, else as
-- somebody typed it, with these digits ($3); locked until what follows from its status is written
with written as (
  select id, status
  from public.leads
  where user_id = $1 and phone = any ($2)
  order by array_position($2, phone), created_at desc, id desc
  limit 1
  for update
),
typed as (
  select id, status
  from public.leads
  where user_id = $1
    and phone !~ '^[+]?[0-9]+$' -- which the first finds
    and regexp_replace(phone, '[^0-9]', '', 'g') = any ($3)
    and not exists (select from written)
  order by array_position($3, regexp_replace(phone, '[^0-9]', '', 'g')), created_at desc, id desc
  limit 1
  for update
)
select id, status from written
union all
select id, status from typed
