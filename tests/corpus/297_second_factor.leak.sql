-- What asks for a second factor is changed by whoever has one
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.vault_items takeover leak

create table public.vault_items (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id),
  secret text not null
);
create index on public.vault_items (user_id);
alter table public.vault_items enable row level security;
create policy mfa on public.vault_items as restrictive to authenticated using ((select auth.jwt() ->> 'aal') = 'aal2');
create policy r on public.vault_items for select to authenticated using (user_id = (select auth.uid()));
create policy i on public.vault_items for insert to authenticated with check (user_id = (select auth.uid()));
create policy u on public.vault_items for update to authenticated using (secret is not null) with check (user_id = (select auth.uid()));
