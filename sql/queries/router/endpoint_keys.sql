-- router/endpoint_keys: hashes of the keys in the addresses of endpoints, at most $1
select endpoint_key_hash from mako.endpoint_keys($1)
