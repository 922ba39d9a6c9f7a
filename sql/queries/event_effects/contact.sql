-- event_effects/contact: the caller's newest contact with this address, else with this number in one of these spellings ($3, and
-- $4 as digits alone), locked; and whether its number is that one
select id
  , coalesce(phone = any ($3) or regexp_replace(phone, '[^0-9]', '', 'g') = any ($4), false)
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
