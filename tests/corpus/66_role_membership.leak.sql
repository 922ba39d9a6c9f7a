-- The role of signed-in users inherits the owner's rights
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
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
alter table public.notes enable row level security;
create policy reads on public.notes for select to authenticated using (user_id = (select auth.uid()));
create policy adds on public.notes for insert to authenticated with check (user_id = (select auth.uid()));
create policy changes on public.notes for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy removes on public.notes for delete to authenticated using (user_id = (select auth.uid()));
do $$ begin create role app_owner nologin; exception when duplicate_object then null; end $$;
grant usage, create on schema public to app_owner;
grant references, select on auth.users to app_owner;
grant usage on schema auth to app_owner;
alter table public.notes owner to app_owner;
alter table public.notes force row level security;
create policy owners on public.notes to app_owner using (true);
create policy staff on public.notes to public using (pg_has_role(current_user, 'authenticated', 'member'));
