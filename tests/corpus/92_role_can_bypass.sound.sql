-- The API role can become one that no policy binds (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "caller_b"]
-- model: [tenant]
-- model: column = "user_id"

do $$ begin create role above_b nologin ; exception when duplicate_object or unique_violation then null; end $$;
grant above_b to authenticator;
grant usage on schema public, auth to above_b;
do $$ begin create role caller_b nologin ; exception when duplicate_object or unique_violation then null; end $$;
grant caller_b to authenticator;
grant usage on schema public, auth to caller_b;
grant above_b to caller_b;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy reads on public.notes for select to caller_b using (user_id = (select auth.uid()));
create policy adds on public.notes for insert to caller_b with check (user_id = (select auth.uid()));
create policy changes on public.notes for update to caller_b using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy removes on public.notes for delete to caller_b using (user_id = (select auth.uid()));
grant all on public.notes to caller_b;
