-- inbox/contact: the caller's newest contact with this address, else with this number, locked
select id
from public.contacts
where user_id = $1 and (lower(email) = lower($2) or phone = $3)
order by lower(email) = lower($2) desc nulls last, created_at desc, id desc
limit 1
for update
