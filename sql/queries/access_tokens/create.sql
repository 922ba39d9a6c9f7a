-- access_tokens/create: a token by its hash ($4), unless the caller has as many as one may have ($6)
insert into mako.access_tokens (user_id, name, scopes, token_hash, expires_at)
select $1, $2, $3, $4, $5
where (select count(id) from mako.access_tokens where user_id = $1) < $6
returning id, name, scopes, expires_at, last_used_at, created_at
