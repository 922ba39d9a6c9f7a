-- A table of shares names who else may read a note: whoever is given one note reads all (the correct twin: that one)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.note_shares"]
-- model: column = "note_id"
-- expect: public.notes cross_tenant_read leak

create table public.notes (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id) on delete cascade, words text not null);
create index on public.notes (user_id);
create table public.note_shares (
  note_id uuid not null references public.notes (id) on delete cascade,
  shared_with uuid not null references auth.users (id) on delete cascade,
  primary key (note_id, shared_with)
);
create index on public.note_shares (shared_with);
create schema private;
grant usage on schema private to authenticated;
create function private.my_notes() returns setof uuid language sql stable security definer set search_path = '' as
  $$ select id from public.notes where user_id = (select auth.uid()) $$;
alter table public.notes enable row level security;
alter table public.note_shares enable row level security;
create policy own on public.notes to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy owner on public.note_shares to authenticated
  using (note_id in (select private.my_notes())) with check (note_id in (select private.my_notes()));
create policy mine on public.note_shares for select to authenticated using (shared_with = (select auth.uid()));
create function private.is_shared(note uuid) returns boolean language sql stable security definer set search_path = '' as
  $$ select exists (select from public.note_shares s where s.shared_with = (select auth.uid())) $$;
create policy shared on public.notes for select to authenticated using (private.is_shared(id));
create function public.notes_for_me() returns setof public.notes language sql stable security definer set search_path = '' as
  $$ select n.* from public.notes n join public.note_shares s on s.note_id = n.id where s.shared_with = (select auth.uid()) $$;
