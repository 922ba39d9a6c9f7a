-- event_subscriptions/secret: what one of the caller's subscriptions signs with, sealed
select sealed_secret from mako.event_subscriptions where user_id = $1 and id = $2
