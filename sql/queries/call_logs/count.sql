-- call_logs/count: how many of the caller's calls the filters of call_logs/list let through
select count(*)
from public.call_logs
where user_id = $1
  and ($2 is null or phone = any ($2))
  and ($3 is null or sentiment = $3)
  and ($4 is null or phone ilike $4 or summary ilike $4)
  and ($5 is null or created_at >= $5)
  and ($6 is null or created_at < $6)
