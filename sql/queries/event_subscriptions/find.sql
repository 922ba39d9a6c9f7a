-- event_subscriptions/find: one of the caller's subscriptions
select id, url, description, event_types, previous_secret_expires_at, status, disabled_reason, failing_since, created_at, updated_at
from mako.event_subscriptions
where user_id = $1 and id = $2
