-- oauth/hand_over: the authorisation that was begun so ($3) is from now on another ($4), for its user to finish within $5 seconds;
-- nothing if it was finished, replaced or is too old
update mako.oauth_states
set id = $4
  , expires_at = now() + $5 * interval '1 second'
where user_id = $1 and service_name = $2 and id = $3 and expires_at > now()
returning id
