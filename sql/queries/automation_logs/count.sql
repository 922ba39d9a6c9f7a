-- automation_logs/count: how many rows the filters of automation_logs/list let through
select count(*)
from public.automation_logs
where user_id = $1
  and ($2 is null or action_type = $2)
  and ($3 is null or status = $3)
  and ($4 is null or created_at >= $4)
  and ($5 is null or created_at < $5)
