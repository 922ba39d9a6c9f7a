-- access_tokens/list: the caller's tokens, newest first; never their hashes
select id, name, scopes, expires_at, last_used_at, created_at
from mako.access_tokens
where user_id = $1
order by created_at desc, id desc
