-- router/find_endpoint: the endpoint whose address holds the key with this hash
select id, user_id, sealed_secret, auth from mako.find_endpoint($1, $2)
