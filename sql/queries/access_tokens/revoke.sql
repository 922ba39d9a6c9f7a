-- access_tokens/revoke: ends one of the caller's tokens, at once
delete from mako.access_tokens where user_id = $1 and id = $2 returning id
