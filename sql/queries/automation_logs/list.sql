-- automation_logs/list: a page of what the caller's automations did, newest first
select id, action_type, status, details, created_at, updated_at
from public.automation_logs
where user_id = $1 and (created_at, id) < ($2, $3)
order by created_at desc, id desc
limit $4
