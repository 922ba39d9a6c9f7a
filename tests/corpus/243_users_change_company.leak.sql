-- Users without a foreign key to those of the tokens change their own row, and their company with it (the correct twin: not the company)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "company_id"
-- expect: public.users move_away leak

create table public.users (id uuid primary key default gen_random_uuid(), company_id uuid, name text not null);
create index on public.users (company_id);
alter table public.users enable row level security;
create policy me on public.users for select to authenticated using (id = (select auth.uid()));
create policy edit on public.users for update to authenticated using (id = (select auth.uid()));
