-- Files in a folder for each user, which everybody may read, and nobody else may write
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [buckets]
-- model: invoices = { names = "{user}/*", public_where = "true" }

create table public.notes (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id) on delete cascade, words text not null);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
insert into storage.buckets (id, name) values ('invoices', 'invoices');
create policy upload on storage.objects for insert to authenticated
  with check (bucket_id = 'invoices' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy see on storage.objects for select to authenticated
  using (bucket_id = 'invoices');
create policy change on storage.objects for update to authenticated
  using (bucket_id = 'invoices' and (storage.foldername(name))[1] = (select auth.uid())::text)
  with check (bucket_id = 'invoices' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy remove on storage.objects for delete to authenticated
  using (bucket_id = 'invoices' and (storage.foldername(name))[1] = (select auth.uid())::text);
