-- router/take_event_deliveries: what is due, in turns after the tenant $1: at most $2, a tenant's $3 and a subscription's $4
-- at a time, for $5 seconds
select user_id, id, leased_until from mako.take_event_deliveries($1, $2, $3, $4, make_interval(secs => $5))
