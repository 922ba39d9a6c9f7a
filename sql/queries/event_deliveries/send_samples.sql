-- event_deliveries/send_samples: sends samples of these types ($3) to a subscription of the caller's ($2); $1 is for routing only
select mako.send_event_samples($2, $3) where $1 is not null
