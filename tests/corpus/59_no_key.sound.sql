-- A table without a key (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.log (user_id uuid not null, at timestamptz not null default now(), words text, data json);
create index on public.log (user_id);
alter table public.log enable row level security;
create policy r on public.log for select using (user_id = (select auth.uid()));
