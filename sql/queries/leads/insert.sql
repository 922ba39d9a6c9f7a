-- leads/insert: a new lead, or the one that the same idempotency key ($9) made before
with known as (
  select row_id from mako.idempotency_keys where user_id = $1 and resource = 'leads' and key = $9
),
made as (
  insert into public.leads (user_id, name, phone, status, source, summary, ai_summary, sentiment)
  select $1, $2, $3, $4, $5, $6, $7, $8
  where not exists (select from known)
  returning id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at
),
kept as (
  insert into mako.idempotency_keys (user_id, resource, key, row_id)
  select $1, 'leads', $9, id from made where $9 is not null
)
select id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at, true as new
from made
union all
select id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at, false
from public.leads
where user_id = $1 and id in (select row_id from known)
