-- automation_logs/search: what the caller's automations did, and what of it the filters let through
select id, action_type, status, details, created_at, updated_at
  , ($7 is null or action_type = $7) and ($8 is null or status = $8) as matches
from public.automation_logs
where user_id = $1
