-- event_deliveries/due: those of the caller's deliveries that were taken to be sent, and to whom, with the sealed secret
select d.id, d.subscription_id, d.event_type, d.row_id, d.changed, d.is_test, d.attempts, d.created_at
  , s.url, s.sealed_secret, coalesce(s.previous_secret_expires_at > now(), false)
from unnest($2) w (id)
join mako.event_deliveries d on d.user_id = $1 and d.id = w.id
join mako.event_subscriptions s on s.user_id = d.user_id and s.id = d.subscription_id
order by d.sequence
