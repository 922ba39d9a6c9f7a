-- A policy goes by the path of the request
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.letters cross_tenant_read leak

create table public.letters (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id), body text not null default '');
create index on public.letters (user_id);
alter table public.letters enable row level security;
create policy r on public.letters for select to authenticated using (user_id = (select auth.uid()) or current_setting('request.path', true) = '/letters_count');
create policy i on public.letters for insert to authenticated with check (user_id = (select auth.uid()));
