-- call_logs/list: a page of the caller's calls, newest first
-- (one `case` around all filters: see leads/list)
select id, phone, recording_url, duration, sentiment, summary, created_at, updated_at
from public.call_logs
where user_id = $1
  and (created_at, id) < ($2, $3)
  and case when ($5 is null or phone = any ($5))
    and ($6 is null or sentiment = $6)
    and ($7 is null or phone ilike $7 or summary ilike $7)
    and ($8 is null or created_at >= $8)
    and ($9 is null or created_at < $9)
  then true else false end
order by created_at desc, id desc
limit $4
