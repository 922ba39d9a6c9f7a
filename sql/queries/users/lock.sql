-- users/lock: lets one of the caller's transactions at a time go on from here; others may still refer to the user
select id from public.users where id = $1 for no key update
