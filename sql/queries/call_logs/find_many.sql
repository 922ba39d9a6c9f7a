-- call_logs/find_many: those of the caller's calls that have these ids
select id, phone, recording_url, duration, sentiment, summary, created_at, updated_at
from public.call_logs
where user_id = $1 and id = any ($2)
