-- Rows without a user can be made
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.notes null_tenant_insert leak

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy a on public.notes for insert to authenticated with check (user_id is not distinct from auth.uid() or user_id is null);
