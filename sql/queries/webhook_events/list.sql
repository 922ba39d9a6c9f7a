-- webhook_events/list: a page of the caller's events, newest first, without what was delivered
select id, source, event_type, status, error_message, attempts, created_at, processed_at
from public.webhook_events
where user_id = $1
  and (created_at, id) < ($2, $3)
  and case when ($5 is null or source = $5)
    and ($6 is null or status = $6)
    and ($7 is null or event_type = $7)
    and ($8 is null or created_at >= $8)
    and ($9 is null or created_at < $9)
  then true else false end
order by created_at desc, id desc
limit $4
