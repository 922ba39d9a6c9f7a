-- event_deliveries/retry: sends one of the caller's deliveries again; $1 is for routing only
select mako.retry_event_delivery($2) where $1 is not null
