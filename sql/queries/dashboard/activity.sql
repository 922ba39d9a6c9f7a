-- dashboard/activity: the newest $2 things that happened at the caller's; each arm walks its own index
select kind, id, title, at
from (
  (select case when lower(status) in ('booked', 'meeting') then 'booking' else 'lead' end as kind, id, name as title, created_at as at
   from public.leads where user_id = $1 order by created_at desc, id desc limit $2)
  union all
  (select 'call', id, 'Call with ' || coalesce(nullif(phone, ''), 'an unknown number'), created_at
   from public.call_logs where user_id = $1 order by created_at desc, id desc limit $2)
  union all
  (select case when lower(action_type) in ('sms', 'mms', 'whatsapp', 'message', 'chat', 'email') then 'message' else 'automation' end,
     id, action_type || ' ' || status, created_at
   from public.automation_logs where user_id = $1 order by created_at desc, id desc limit $2)
) happened
order by at desc, id desc
limit $2
