-- call_logs/search: the caller's calls, and which of them the filters let through
select id, phone, recording_url, duration, sentiment, summary, created_at, updated_at
  , ($7 is null or phone = any ($7))
    and ($8 is null or sentiment = $8)
    and ($9 is null or lower(phone) like (select lower($9)) or lower(summary) like (select lower($9))) as matches
from public.call_logs
where user_id = $1
