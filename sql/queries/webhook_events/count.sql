-- webhook_events/count: how many of the caller's events the filters of webhook_events/list let through
select count(*)
from public.webhook_events
where user_id = $1
  and ($5 is null or source = $5)
  and ($6 is null or status = $6)
  and ($7 is null or event_type = $7)
  and ($8 is null or created_at >= $8)
  and ($9 is null or created_at < $9)
