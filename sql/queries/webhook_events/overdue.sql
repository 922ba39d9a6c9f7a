-- webhook_events/overdue: whether one of the caller's events has waited for longer than this many seconds ($3)
select created_at < now() - make_interval(secs => $3)
from public.webhook_events
where user_id = $1 and id = $2
