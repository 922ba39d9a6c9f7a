-- The API role can become the owner of the table
-- model: schemas = ["public"]
-- model: roles = ["anon", "caller_p"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: database role_can_own risk
do $$ begin create role owner_p nologin; exception when duplicate_object or unique_violation then null; end $$;
do $$ begin create role caller_p nologin; exception when duplicate_object or unique_violation then null; end $$;
grant caller_p to authenticator;
grant usage on schema public, auth to caller_p, owner_p;
grant owner_p to caller_p;
alter role caller_p noinherit;

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy reads on public.notes for select to caller_p using (user_id = (select auth.uid()));
create policy adds on public.notes for insert to caller_p with check (user_id = (select auth.uid()));
create policy changes on public.notes for update to caller_p using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy removes on public.notes for delete to caller_p using (user_id = (select auth.uid()));
alter table public.notes force row level security;
alter table public.notes owner to owner_p;
grant select, insert, update, delete on public.notes to caller_p;
