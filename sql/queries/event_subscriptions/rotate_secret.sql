-- event_subscriptions/rotate_secret: seals another secret ($4), with the one before inside for $5 seconds more; none if what
-- is there isn't that ($3) any more
update mako.event_subscriptions
set sealed_secret = $4
  , previous_secret_expires_at = now() + make_interval(secs => $5)
  , updated_at = greatest(updated_at, now())
where user_id = $1 and id = $2 and sealed_secret = $3
returning id, url, description, event_types, previous_secret_expires_at, status, disabled_reason, failing_since, created_at, updated_at
