-- webhook_events/finish: notes what became of one of the caller's events; $1 is for routing only
select mako.finish_event($2, $3, $4) where $1 is not null
