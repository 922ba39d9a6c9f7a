-- webhook_events/finish: one of the caller's events is done, or there was nothing to do ($3); $1 is for routing only
select mako.finish_event($2, $3) where $1 is not null
