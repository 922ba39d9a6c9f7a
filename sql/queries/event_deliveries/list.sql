-- event_deliveries/list: a page of the caller's deliveries, newest first
select id, subscription_id, event_type, row_id, changed, is_test, status, attempts, last_error
  , case when finished_at is null then next_attempt_at end as next_attempt_at, finished_at, created_at
from mako.event_deliveries
where user_id = $1 and (created_at, id) < ($2, $3)
order by created_at desc, id desc
limit $4
