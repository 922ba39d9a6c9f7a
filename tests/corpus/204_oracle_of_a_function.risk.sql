-- A function says whether a word is taken, over all users
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.reserve(text) existence_oracle risk

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0,
  slug text not null default gen_random_uuid()::text,
  unique (slug)
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy reads on public.notes for select to authenticated using (user_id = (select auth.uid()));
create policy adds on public.notes for insert to authenticated with check (user_id = (select auth.uid()));
create policy changes on public.notes for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy removes on public.notes for delete to authenticated using (user_id = (select auth.uid()));
create function public.reserve(slug text) returns boolean language plpgsql as $$
begin
  insert into public.notes (user_id, title, slug) values (auth.uid(), 'reserved', reserve.slug);
  return true;
exception when unique_violation then
  return false;
end $$;
