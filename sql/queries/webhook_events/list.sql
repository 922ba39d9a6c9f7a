-- webhook_events/list: a page of the caller's events, newest first, without what was delivered
select id, source, event_type, status, error_message, attempts, created_at, processed_at
from public.webhook_events
where user_id = $1 and (created_at, id) < ($2, $3)
order by created_at desc, id desc
limit $4
