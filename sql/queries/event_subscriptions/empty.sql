-- event_subscriptions/empty: switches one of the caller's subscriptions ($2) off and removes at most $3 of its deliveries;
-- $1 is for routing only
select mako.empty_event_subscription($2, $3) where $1 is not null
