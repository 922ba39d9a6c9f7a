-- users/find: the caller
select id, email, business_name, coalesce(role, 'user') from public.users where id = $1
