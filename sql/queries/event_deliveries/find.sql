-- event_deliveries/find: one of the caller's deliveries
select id, subscription_id, event_type, row_id, changed, is_test, status, attempts, last_error
  , case when finished_at is null then next_attempt_at end as next_attempt_at, finished_at, created_at
from mako.event_deliveries
where user_id = $1 and id = $2
