-- event_deliveries/retry_many: sends again what a subscription of the caller's ($2) didn't get from $3 on and before $4, at most
-- $5 of it; $1 is for routing only
select mako.retry_event_deliveries($2, $3, $4, $5) where $1 is not null
