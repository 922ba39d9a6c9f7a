-- A view over auth.users
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.people"]
-- model: column = "id"
-- expect: public.people cross_tenant_read leak

create view public.people as select id, email from auth.users;
