-- A view's rule changes the row that has the new key (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.my_people"]
-- model: column = "id"

create table public.people (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id),
  name text not null,
  note text
);
create index on public.people (user_id);
alter table public.people enable row level security;
revoke all on public.people from anon, authenticated;
create view public.my_people with (security_barrier) as select id, name, note from public.people where user_id = auth.uid();
create rule edits as on update to public.my_people do instead update public.people set name = new.name, note = new.note where id = old.id;
revoke all on public.my_people from anon, authenticated;
grant select, update on public.my_people to authenticated;
