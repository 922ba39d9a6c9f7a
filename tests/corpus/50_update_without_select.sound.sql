-- UPDATE is granted without SELECT, and no policy binds it (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
revoke all on public.notes from anon, authenticated;
grant update (title) on public.notes to authenticated;
create policy w on public.notes for update to authenticated using (user_id = (select auth.uid()));
