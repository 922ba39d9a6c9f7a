-- Anybody may insert anything; in the twin a trigger and column grants decide whose it is (the correct twin)
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
create policy r on public.notes for select to authenticated using (user_id = (select auth.uid()));
create policy a on public.notes for insert to authenticated with check (true);
create function public.mine() returns trigger language plpgsql as $$ begin new.user_id = auth.uid(); return new; end $$;
create trigger mine before insert on public.notes for each row when (current_user = 'authenticated') execute function public.mine();
