-- webhook_events/count: how many of the caller's events the filters of webhook_events/list let through
select count(*)
from public.webhook_events
where user_id = $1
  and ($2 is null or source = $2)
  and ($3 is null or status = $3)
  and ($4 is null or event_type = $4)
  and ($5 is null or created_at >= $5)
  and ($6 is null or created_at < $6)
