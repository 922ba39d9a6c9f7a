-- What has failed is found apart from what was never sent: the one is tried before the other, since younger events of a row
-- wait for older ones that have failed once.

create index if not exists event_deliveries_waiting
  on mako.event_deliveries (user_id, subscription_id, status, next_attempt_at, sequence)
  where status in ('pending', 'failed');
drop index if exists mako.event_deliveries_due;
