-- router/record_all: verified deliveries, a JSON array ($1), each recorded once, in their order; whose they are, as far as known
select id, user_id, status, is_new from mako.record_events($1)
