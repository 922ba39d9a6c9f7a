-- An app that a user let in reads what outlives its token
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.credentials"]
-- model: third_party = "none"
-- expect: public.credentials third_party_read leak

create table public.credentials (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id),
  service text not null,
  secret text not null
);
create index on public.credentials (user_id);
alter table public.credentials enable row level security;
create policy own on public.credentials to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy no_apps_add on public.credentials as restrictive for insert to authenticated with check ((select auth.jwt() ->> 'client_id') is null);
create policy no_apps_change on public.credentials as restrictive for update to authenticated using ((select auth.jwt() ->> 'client_id') is null);
create policy no_apps_remove on public.credentials as restrictive for delete to authenticated using ((select auth.jwt() ->> 'client_id') is null);
