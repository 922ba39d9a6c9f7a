-- A view over auth.users (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.people"]
-- model: column = "id"

create view public.people as select id, email from auth.users where id = auth.uid();
revoke insert, update, delete on public.people from anon, authenticated;
