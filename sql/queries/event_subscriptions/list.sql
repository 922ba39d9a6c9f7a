-- event_subscriptions/list: the caller's subscriptions, newest first; never their secrets
select id, url, description, event_types, previous_secret_expires_at, status, disabled_reason, failing_since, created_at, updated_at
from mako.event_subscriptions
where user_id = $1
order by created_at desc, id desc
