-- router/event_backlog: how many deliveries wait, and since when the longest could have been sent
select waiting, due_since from mako.event_backlog()
