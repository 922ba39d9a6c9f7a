-- Staff of all tenants, by claims that only whoever issues tokens gives: a risk
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.items claim_opens_all risk

create table public.items (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null
);
create index on public.items (user_id);
alter table public.items enable row level security;
create policy own on public.items for select to authenticated using (user_id = (select auth.uid()));
create policy staff on public.items for select to authenticated using (
  (select auth.jwt() -> 'app_metadata' ->> 'role') = 'support' and (auth.jwt() ->> 'aal') = 'aal2'
  and (auth.jwt() -> 'app_metadata' -> 'teams') ? 'ops');
