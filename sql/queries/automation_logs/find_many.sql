-- automation_logs/find_many: those of the caller's log lines that have these ids
select id, action_type, status, details, created_at, updated_at
from public.automation_logs
where user_id = $1 and id = any ($2)
