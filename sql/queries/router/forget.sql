-- router/forget: empties payloads older than $1 days, $2 at a time
select mako.forget_payloads(make_interval(days => $1), $2)
