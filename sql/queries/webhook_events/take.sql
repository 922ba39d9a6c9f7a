-- webhook_events/take: locks one of the caller's events that isn't done; $1 is for routing only
select mako.take_event($2) where $1 is not null
