-- automation_logs/insert: a new row, or the one that the same idempotency key ($5) made before
with known as (
  select row_id from mako.idempotency_keys where user_id = $1 and resource = 'automation_logs' and key = $5
),
made as (
  insert into public.automation_logs (user_id, action_type, status, details)
  select $1, $2, $3, $4
  where not exists (select from known)
  returning id, action_type, status, details, created_at, updated_at
),
kept as (
  insert into mako.idempotency_keys (user_id, resource, key, row_id)
  select $1, 'automation_logs', $5, id from made where $5 is not null
)
select id, action_type, status, details, created_at, updated_at, true as new
from made
union all
select id, action_type, status, details, created_at, updated_at, false
from public.automation_logs
where user_id = $1 and id in (select row_id from known)
