-- Two buckets, a public one and a private one: the folder decides who writes, and who reads what is private
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [buckets]
-- model: avatars = { names = "people/{user}/*", public_where = "true" }
-- model: papers = { names = "{user}/*" }

create table public.notes (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id) on delete cascade, words text not null);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true), ('papers', 'papers', false);
create policy see_avatars on storage.objects for select to public
  using (bucket_id = 'avatars');
create policy upload_avatars on storage.objects for insert to authenticated
  with check (bucket_id = 'avatars' and (storage.foldername(name))[1] = 'people' and (storage.foldername(name))[2] = (select auth.uid())::text and storage.extension(name) = 'jpg');
create policy see_papers on storage.objects for select to authenticated
  using (bucket_id = 'papers' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy upload_papers on storage.objects for insert to authenticated
  with check (bucket_id = 'papers' and (storage.foldername(name))[1] = (select auth.uid())::text);
