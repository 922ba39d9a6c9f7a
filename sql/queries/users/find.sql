-- users/find: the caller
select id, email, business_name, role from public.users where id = $1
