-- An owner whom policies don't bind (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
do $$ begin create role keeper_q nologin; exception when duplicate_object or unique_violation then null; end $$;
grant usage on schema public, auth to keeper_q;

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy reads on public.notes for select to authenticated using (user_id = (select auth.uid()));
create policy adds on public.notes for insert to authenticated with check (user_id = (select auth.uid()));
create policy changes on public.notes for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy removes on public.notes for delete to authenticated using (user_id = (select auth.uid()));
alter table public.notes force row level security;
alter table public.notes owner to keeper_q;
