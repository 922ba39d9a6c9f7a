-- A table without a key
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.log cross_tenant_read leak

create table public.log (user_id uuid not null, at timestamptz not null default now(), words text, data json);
create index on public.log (user_id);
alter table public.log enable row level security;
create policy r on public.log for select using (length(words) > 0);
