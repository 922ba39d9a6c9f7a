-- event_deliveries/attempts: how each attempt of one of the caller's deliveries went
select attempted_at, duration_ms, status_code, error, response_start
from mako.event_attempts
where user_id = $1 and delivery_id = $2
order by attempted_at
limit 100
