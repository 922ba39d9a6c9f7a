-- router/use_access_token: whose the token with one of these hashes is, and what it may do
select id, user_id, scopes from mako.use_access_token($1)
