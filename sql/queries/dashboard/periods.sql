-- dashboard/periods: the last $2 days of the caller's, then the $2 days before
select (select count(*) from public.leads where user_id = $1 and created_at > since and created_at <= until)
     , (select count(*) from public.call_logs where user_id = $1 and created_at > since and created_at <= until)
     , (select count(*) from public.automation_logs where user_id = $1 and created_at > since and created_at <= until
          and lower(action_type) in ('sms', 'mms', 'whatsapp', 'message', 'chat', 'email'))
     , (select count(*) from public.leads where user_id = $1 and created_at > since and created_at <= until
          and lower(status) in ('booked', 'meeting'))
     , (select count(*) from public.leads where user_id = $1 and created_at > since and created_at <= until
          and lower(status) = 'converted')
from (
  select now() - make_interval(days => $2 * (back + 1)) as since, now() - make_interval(days => $2 * back) as until
  from generate_series(0, 1) back
) period
order by until desc
