-- Users are named by text; those without a name are one and the same
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.leads null_tenant_read leak

create table public.leads (id text primary key default gen_random_uuid()::text, user_id text, name text);
create index on public.leads (user_id);
alter table public.leads enable row level security;
create policy r on public.leads for select using (coalesce(user_id, '') = coalesce((select auth.jwt()) ->> 'sub', ''));
