-- Whoever enters that they stand in for somebody is taken for them
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.impersonations"]
-- model: column = "admin_id"
-- expect: public.impersonations escalation leak

create table public.impersonations (admin_id uuid not null references auth.users (id) on delete cascade, target_id uuid not null references auth.users (id) on delete cascade, ends_at timestamptz not null default now() + interval '1 hour', primary key (admin_id, target_id));
create table public.diaries (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id), entry text not null default '');
create index on public.diaries (user_id);
create schema private;
grant usage on schema private to authenticated;
create function private.effective_uid() returns uuid language sql stable security definer set search_path = '' as $$
  select coalesce((select i.target_id from public.impersonations i where i.admin_id = auth.uid() and i.ends_at > now() order by i.ends_at desc limit 1), auth.uid()) $$;
alter table public.impersonations enable row level security;
alter table public.diaries enable row level security;
create policy s on public.impersonations for select to authenticated using (admin_id = (select auth.uid()));
create policy i on public.impersonations for insert to authenticated with check (admin_id = (select auth.uid()));
create policy d on public.diaries to authenticated using (user_id = private.effective_uid()) with check (user_id = private.effective_uid());
