-- phone_numbers/claim: a number that the caller says is theirs, or the one that the same idempotency key ($5) claimed
-- before; it routes nothing until it is verified
with known as (
  select row_id from mako.idempotency_keys where user_id = $1 and resource = 'phone_numbers' and key = $5
),
made as (
  insert into public.user_phone_numbers (user_id, phone, provider, label)
  select $1, $2, $3, $4
  where not exists (select from known)
  returning id, phone, provider, label, verified_at, created_at
),
kept as (
  insert into mako.idempotency_keys (user_id, resource, key, row_id)
  select $1, 'phone_numbers', $5, id from made where $5 is not null
)
select id, phone, provider, label, verified_at, created_at, true as new
from made
union all
select id, phone, provider, label, verified_at, created_at, false
from public.user_phone_numbers
where user_id = $1 and id in (select row_id from known)
