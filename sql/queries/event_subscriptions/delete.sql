-- event_subscriptions/delete: removes one of the caller's subscriptions with all that was to be sent to it
delete from mako.event_subscriptions where user_id = $1 and id = $2 returning id
