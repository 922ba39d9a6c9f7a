-- oauth/finish: the authorisation that was begun so, this once; nothing if it was finished, replaced or is too old
delete from mako.oauth_states
where user_id = $1 and service_name = $2 and id = $3
returning expires_at > now()
