-- webhook_events/find: one of the caller's events with what was delivered
select id, source, event_type, status, error_message, attempts, created_at, processed_at, payload
from public.webhook_events
where user_id = $1 and id = $2
