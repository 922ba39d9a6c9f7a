-- router/find_endpoint: the endpoint whose address holds the key with this hash
select id, user_id, sealed_secret, auth, timezone from mako.endpoint_by_key($1, $2)
