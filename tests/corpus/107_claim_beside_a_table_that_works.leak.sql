-- Beside a table that works, tenancy by a claim that nobody has named: whoever is made up sees nothing, so nothing may be called proven; the membership table is where the hook looks it up.
-- model: [tenant]
-- model: column = "firm_id"
-- model: [tenant.membership]
-- model: table = "public.firm_members"
-- model: user = "user_id"
-- model: tenant = "firm_id"
-- model: [relations."public.diaries"]
-- model: column = "user_id"
-- model: names = "user"
-- model: [relations."public.firms"]
-- model: column = "id"
-- expect: incomplete
create table public.firms (id uuid primary key default gen_random_uuid(), name text not null);
create table public.firm_members (
  firm_id uuid not null references public.firms (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  primary key (firm_id, user_id)
);
create index on public.firm_members (user_id);
create table public.matters (
  id uuid primary key default gen_random_uuid(),
  firm_id uuid not null references public.firms (id) on delete cascade,
  title text not null
);
create index on public.matters (firm_id);
create function public.firm() returns uuid language sql stable set search_path = ''
  as $$ select (auth.jwt() ->> 'office')::uuid $$;
alter table public.firms enable row level security;
alter table public.firm_members enable row level security;
alter table public.matters enable row level security;
create policy own on public.firms for select to authenticated using (id = (select public.firm()));
create policy own on public.firm_members for select to authenticated using (firm_id = (select public.firm()));
create policy own on public.matters to authenticated
  using ((select public.firm()) is not null) with check ((select public.firm()) is not null);
create table public.diaries (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id), words text not null);
create index on public.diaries (user_id);
alter table public.diaries enable row level security;
create policy own on public.diaries to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
