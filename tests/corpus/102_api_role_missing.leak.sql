-- The model names a role that isn't there: nobody can be it
-- model: schemas = ["public"]
-- model: roles = ["anon", "visitor_who_is_not", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.notes cross_tenant_read leak

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
