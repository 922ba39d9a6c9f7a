-- leads/count: how many of the caller's leads the filters of leads/list let through
select count(*)
from public.leads
where user_id = $1
  and ($2 is null or status = $2)
  and ($3 is null or source = $3)
  and ($4 is null or sentiment = $4)
  and ($5 is null or phone = any ($5))
  and ($6 is null or name ilike $6 or phone ilike $6 or summary ilike $6)
  and ($7 is null or created_at >= $7)
  and ($8 is null or created_at < $8)
