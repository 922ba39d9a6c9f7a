-- An app that a user let in reads what outlives its token (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.credentials"]
-- model: third_party = "none"

create table public.credentials (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id),
  service text not null,
  secret text not null
);
create index on public.credentials (user_id);
alter table public.credentials enable row level security;
create policy own on public.credentials to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy no_apps on public.credentials as restrictive to authenticated using ((select auth.jwt() ->> 'client_id') is null) with check ((select auth.jwt() ->> 'client_id') is null);
