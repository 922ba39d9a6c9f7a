-- The API role can become one that no policy binds
-- model: schemas = ["public"]
-- model: roles = ["anon", "caller_a"]
-- model: [tenant]
-- model: column = "user_id"
-- expect: database role_can_bypass leak

do $$ begin create role above_a nologin bypassrls; exception when duplicate_object or unique_violation then null; end $$;
grant above_a to authenticator;
grant usage on schema public, auth to above_a;
do $$ begin create role caller_a nologin ; exception when duplicate_object or unique_violation then null; end $$;
grant caller_a to authenticator;
grant usage on schema public, auth to caller_a;
grant above_a to caller_a;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy reads on public.notes for select to caller_a using (user_id = (select auth.uid()));
create policy adds on public.notes for insert to caller_a with check (user_id = (select auth.uid()));
create policy changes on public.notes for update to caller_a using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy removes on public.notes for delete to caller_a using (user_id = (select auth.uid()));
grant all on public.notes to caller_a;
