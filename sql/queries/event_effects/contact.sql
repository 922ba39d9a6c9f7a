-- event_effects/contact: the caller's newest contact with this address ($2), else with this number in one of these spellings
-- ($3), else as somebody typed it, with these digits ($4); locked; and whether its number is that one
with written as (
  select id
    , coalesce(phone = any ($3) or regexp_replace(phone, '[^0-9]', '', 'g') = any ($4), false) as has_this_phone
  from public.contacts
  where user_id = $1
    and (lower(email) = lower($2) or phone = any ($3))
    -- Each by an index of its own.
    and id = any (array(
      select id from public.contacts where user_id = $1 and email = lower($2) and length(email) <= 320
      union all
      select id from public.contacts where user_id = $1 and email <> lower(email) and lower(email) = lower($2)
      union all
      select id from public.contacts where user_id = $1 and phone = any ($3)
    ))
  order by lower(email) = lower($2) desc nulls last, array_position($3, phone), created_at desc, id desc
  limit 1
  for update
),
typed as (
  select id
  from public.contacts
  where user_id = $1
    and phone !~ '^[+]?[0-9]+$' -- which the first finds
    and regexp_replace(phone, '[^0-9]', '', 'g') = any ($4)
    and not exists (select from written)
  order by array_position($4, regexp_replace(phone, '[^0-9]', '', 'g')), created_at desc, id desc
  limit 1
  for update
)
select id, has_this_phone from written
union all
select id, true from typed
