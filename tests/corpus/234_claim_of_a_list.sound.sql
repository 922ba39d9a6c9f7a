-- Memberships are a list in the token, app_metadata.orgs, to which every policy holds
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "org_id"

create table public.papers (id uuid primary key default gen_random_uuid(), org_id uuid not null, words text not null);
create index on public.papers (org_id);
alter table public.papers enable row level security;
create policy see on public.papers for select to authenticated using ((select auth.jwt() -> 'app_metadata' -> 'orgs') ? org_id::text);
create policy edit on public.papers for update to authenticated using ((select auth.jwt() -> 'app_metadata' -> 'orgs') ? org_id::text);
create policy remove on public.papers for delete to authenticated using ((select auth.jwt() -> 'app_metadata' -> 'orgs') ? org_id::text);
