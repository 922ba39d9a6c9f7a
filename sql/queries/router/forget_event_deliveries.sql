-- router/forget_event_deliveries: removes what was finished more than $1 days ago, $2 at a time
select mako.forget_event_deliveries(make_interval(days => $1), $2)
