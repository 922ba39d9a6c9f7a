-- router/renew_event_leases: keeps these for another $2 seconds; those that are still the caller's
select user_id, id, leased_until from mako.renew_event_leases($1, make_interval(secs => $2))
