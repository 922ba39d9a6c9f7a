-- webhook_events/take: locks one of the caller's events that isn't done, and tells when it arrived; with $3 an event that
-- another transaction holds is waited for, else its taken is null
select taken, (select created_at from public.webhook_events where user_id = $1 and id = $2) as arrived_at
from mako.take_event($2, $3) taken
