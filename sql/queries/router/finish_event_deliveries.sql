-- router/finish_event_deliveries: what became of deliveries; how many of them were still this service's
select mako.finish_event_deliveries($1)
