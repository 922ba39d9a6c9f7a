-- Words that nobody has written yet, one of which a policy asks for among the rows of one user.
-- model: [relations."public.visibilities"]
-- model: public = true
-- model: reason = "words"
create table public.visibilities (id uuid primary key, name text not null);
create table public.recipes (id uuid primary key, user_id uuid not null references auth.users, title text not null,
  visibility uuid not null references public.visibilities);
create index on public.recipes (user_id);
alter table public.visibilities enable row level security;
alter table public.recipes enable row level security;
revoke insert, update, delete on public.visibilities from anon, authenticated;
create policy all_of_them on public.visibilities for select using (true);
create policy own on public.recipes to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy shared on public.recipes for select to authenticated using (visibility = '6ba7b810-9dad-41d1-80b4-00c04fd430c8' and user_id = (select auth.uid()));
