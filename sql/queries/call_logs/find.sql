-- call_logs/find: one of the caller's calls
select id, phone, recording_url, duration, sentiment, summary, created_at, updated_at
from public.call_logs
where user_id = $1 and id = $2
