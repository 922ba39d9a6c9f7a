-- A token lists workspaces with a role in each: an admin of one deletes in all
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "workspace_id"
-- model: [tenant.claims]
-- model: "app_metadata.workspaces[].id" = "tenant"
-- model: [relations."public.workspaces"]
-- model: column = "id"
-- model: names = "tenant"
-- expect: public.boards cross_tenant_delete leak

create table public.workspaces (id uuid primary key default gen_random_uuid(), name text not null);
create table public.boards (id uuid primary key default gen_random_uuid(), workspace_id uuid not null references public.workspaces (id), title text not null);
create index on public.boards (workspace_id);
alter table public.workspaces enable row level security;
alter table public.boards enable row level security;
create policy w on public.workspaces for select to authenticated using (exists (select 1 from jsonb_array_elements(auth.jwt() -> 'app_metadata' -> 'workspaces') w where (w ->> 'id')::uuid = workspaces.id));
create policy b on public.boards for select to authenticated using (exists (select 1 from jsonb_array_elements(auth.jwt() -> 'app_metadata' -> 'workspaces') w where (w ->> 'id')::uuid = workspace_id));
create policy i on public.boards for insert to authenticated with check (exists (select 1 from jsonb_array_elements(auth.jwt() -> 'app_metadata' -> 'workspaces') w where (w ->> 'id')::uuid = workspace_id));
create policy d on public.boards for delete to authenticated using (exists (select 1 from jsonb_array_elements(auth.jwt() -> 'app_metadata' -> 'workspaces') w where w ->> 'role' = 'admin'));
