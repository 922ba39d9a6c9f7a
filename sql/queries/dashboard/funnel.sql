-- dashboard/funnel: the caller's leads by stage; a meeting is a booking
select case lower(status) when 'meeting' then 'booked' else lower(status) end as stage, sum(rows)::int8
from mako.stats
where user_id = $1 and relation = 'leads' and day = 'infinity'
group by stage
