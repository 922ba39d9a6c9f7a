-- automation_logs/find: one of the caller's automation logs
select id, action_type, status, details, created_at, updated_at
from public.automation_logs
where user_id = $1 and id = $2
