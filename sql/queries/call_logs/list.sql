-- call_logs/list: a page of the caller's calls, newest first
select id, phone, recording_url, duration, sentiment, summary, created_at, updated_at
from public.call_logs
where user_id = $1
  and (created_at, id) < (coalesce($2, 'infinity'), coalesce($3, ''))
  and ($5 is null or phone = any ($5))
  and ($6 is null or sentiment = $6)
  and ($7 is null or phone ilike $7 or summary ilike $7)
  and ($8 is null or created_at >= $8)
  and ($9 is null or created_at < $9)
order by created_at desc, id desc
limit $4
