-- Files of whoever uploaded them, as the Storage API notes it: an upload needs no more than the bucket
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [buckets]
-- model: invoices = { column = "owner_id" }

create table public.notes (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id) on delete cascade, words text not null);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
insert into storage.buckets (id, name) values ('invoices', 'invoices');
create policy upload on storage.objects for insert to authenticated
  with check (bucket_id = 'invoices');
create policy see on storage.objects for select to authenticated
  using (bucket_id = 'invoices' and owner_id = (select auth.uid())::text);
create policy change on storage.objects for update to authenticated
  using (bucket_id = 'invoices' and owner_id = (select auth.uid())::text);
create policy remove on storage.objects for delete to authenticated
  using (bucket_id = 'invoices' and owner_id = (select auth.uid())::text);
