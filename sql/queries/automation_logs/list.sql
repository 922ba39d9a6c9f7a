-- automation_logs/list: a page of what the caller's automations did, newest first
-- (one `case` around all filters: see leads/list)
select id, action_type, status, details, created_at, updated_at
from public.automation_logs
where user_id = $1
  and (created_at, id) < ($2, $3)
  and case when ($5 is null or action_type = $5)
    and ($6 is null or status = $6)
    and ($7 is null or created_at >= $7)
    and ($8 is null or created_at < $8)
  then true else false end
order by created_at desc, id desc
limit $4
