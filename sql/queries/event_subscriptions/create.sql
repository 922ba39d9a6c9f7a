-- event_subscriptions/create: a subscription, unless the caller has as many as one may have ($7)
insert into mako.event_subscriptions (user_id, id, url, description, event_types, sealed_secret)
select $1, $2, $3, $4, $5, $6
where (select count(id) from mako.event_subscriptions where user_id = $1) < $7
returning id, url, description, event_types, previous_secret_expires_at, status, disabled_reason, failing_since, created_at, updated_at
