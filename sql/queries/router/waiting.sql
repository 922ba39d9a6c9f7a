-- router/waiting: events that were recorded and routed longer ago than $1 seconds and aren't processed
select id, user_id, source, payload from mako.waiting_events(make_interval(secs => $1), $2)
