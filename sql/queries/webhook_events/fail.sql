-- webhook_events/fail: why one of the caller's events failed; $1 is for routing only
select mako.fail_event($2, $3) where $1 is not null
