-- call_logs/list: a page of the caller's calls, newest first
select id, phone, recording_url, duration, sentiment, summary, created_at, updated_at
from public.call_logs
where user_id = $1 and (created_at, id) < ($2, $3)
order by created_at desc, id desc
limit $4
