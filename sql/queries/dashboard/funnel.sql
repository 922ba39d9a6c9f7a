-- dashboard/funnel: the caller's leads by stage; a meeting is a booking
select case lower(status) when 'meeting' then 'booked' else lower(status) end as stage, count(*)
from public.leads
where user_id = $1
group by stage
