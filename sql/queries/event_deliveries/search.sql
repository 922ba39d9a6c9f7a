-- event_deliveries/search: the caller's deliveries, and which of them the filters let through
select id, subscription_id, event_type, row_id, changed, is_test, status, attempts, last_error
  , case when finished_at is null then next_attempt_at end as next_attempt_at, finished_at, created_at
  , ($7 is null or subscription_id = $7) and ($8 is null or status = $8) and ($9 is null or event_type = $9) as matches
from mako.event_deliveries
where user_id = $1
