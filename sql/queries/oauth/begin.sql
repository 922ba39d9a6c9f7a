-- oauth/begin: an authorisation that may be finished within $4 seconds, in place of one of the same service
insert into mako.oauth_states (user_id, service_name, id, expires_at)
values ($1, $2, $3, now() + $4 * interval '1 second')
on conflict (user_id, service_name) do update
set id = excluded.id
  , expires_at = excluded.expires_at
returning id
