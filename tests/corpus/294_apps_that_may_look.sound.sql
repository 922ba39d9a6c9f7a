-- An app that may look changes what it sees (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.phones"]
-- model: third_party = "read"

create table public.phones (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id),
  number text not null,
  label text
);
create index on public.phones (user_id);
alter table public.phones enable row level security;
create policy own on public.phones to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy no_apps_add on public.phones as restrictive for insert to authenticated with check ((select auth.jwt() ->> 'client_id') is null);
create policy no_apps_change on public.phones as restrictive for update to authenticated using ((select auth.jwt() ->> 'client_id') is null);
create policy no_apps_remove on public.phones as restrictive for delete to authenticated using ((select auth.jwt() ->> 'client_id') is null);
