-- webhook_events/take: locks one of the caller's events that isn't done, tells when it arrived, and lets one of the caller's
-- transactions at a time go on from here; with $3 an event that another transaction holds is waited for, else its taken is null
select taken, (select created_at from public.webhook_events where user_id = $1 and id = $2) as arrived_at, locked.id
from mako.take_event($2, $3) taken
left join lateral (select id from public.users where id = $1 and taken for no key update) locked on true
