-- Rights that everybody has, by PUBLIC
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.notes cross_tenant_read leak

alter default privileges in schema public revoke all on tables from anon, authenticated;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
grant select on public.notes to public;
