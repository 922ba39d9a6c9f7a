-- A sign-up trigger makes each new user a board of their own, besides those that they make themselves
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create schema private;
create table public.boards (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  touched_at timestamptz not null default now()
);
create index on public.boards (user_id);
create table public.cards (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  body text not null,
  touched_at timestamptz not null default now()
);
create index on public.cards (user_id);
create function private.touch() returns trigger language plpgsql set search_path = '' as $$
begin
  new.touched_at := now();
  return new;
end $$;
create trigger touch before update on public.cards for each row execute function private.touch();
create function private.first_board() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.boards (user_id, title) values (new.id, 'My first board');
  return new;
end $$;
create trigger first_board after insert on auth.users for each row execute function private.first_board();
create function public.rename_boards(title text) returns void language sql security definer set search_path = ''
  as $$ update public.boards set title = rename_boards.title where user_id = auth.uid() $$;
alter table public.boards enable row level security;
alter table public.cards enable row level security;
create policy own on public.boards to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy own on public.cards to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
