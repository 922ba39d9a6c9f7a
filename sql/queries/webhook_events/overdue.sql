-- webhook_events/overdue: whether one of the caller's events was recorded more than this many seconds ago ($3)
select recorded_at < now() - make_interval(secs => $3)
from public.webhook_events
where user_id = $1 and id = $2
