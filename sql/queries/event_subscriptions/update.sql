-- event_subscriptions/update: changes the given columns of one of the caller's subscriptions; one that is switched on again
-- has not failed yet
update mako.event_subscriptions
set url = case when $3 then $4 else url end
  , description = case when $5 then $6 else description end
  , event_types = case when $7 then $8 else event_types end
  , status = case when $9 then $10 else status end
  , disabled_reason = case when $9 then case when $10 = 'disabled' then coalesce(disabled_reason, 'owner') end else disabled_reason end
  , failing_since = case when $9 and $10 = 'active' and status <> 'active' then null else failing_since end
  , updated_at = greatest(updated_at, now())
where user_id = $1 and id = $2
returning id, url, description, event_types, previous_secret_expires_at, status, disabled_reason, failing_since, created_at, updated_at
