-- webhook_events/search: the caller's events, and which of them the filters let through
select id, source, event_type, status, error_message, attempts, created_at, processed_at
  , ($7 is null or source = $7) and ($8 is null or status = $8) and ($9 is null or event_type = $9) as matches
from public.webhook_events
where user_id = $1
