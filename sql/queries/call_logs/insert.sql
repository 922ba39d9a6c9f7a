-- call_logs/insert: a new row, or the one that the same idempotency key ($7) made before
with known as (
  select row_id from mako.idempotency_keys where user_id = $1 and resource = 'call_logs' and key = $7
),
made as (
  insert into public.call_logs (user_id, phone, recording_url, duration, sentiment, summary)
  select $1, $2, $3, $4, $5, $6
  where not exists (select from known)
  returning id, phone, recording_url, duration, sentiment, summary, created_at, updated_at
),
kept as (
  insert into mako.idempotency_keys (user_id, resource, key, row_id)
  select $1, 'call_logs', $7, id from made where $7 is not null
)
select id, phone, recording_url, duration, sentiment, summary, created_at, updated_at, true as new
from made
union all
select id, phone, recording_url, duration, sentiment, summary, created_at, updated_at, false
from public.call_logs
where user_id = $1 and id in (select row_id from known)
