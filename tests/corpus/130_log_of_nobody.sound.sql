-- A log whose entries name no user while nobody is signed in: no client can read it
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create schema private;
create table public.activity (
  id bigint generated always as identity primary key,
  user_id uuid,
  what text not null,
  at timestamptz not null default now()
);
create index on public.activity (user_id);
alter table public.activity enable row level security;
revoke all on public.activity from anon, authenticated;
create function private.log() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.activity (user_id, what) values (auth.uid(), tg_table_name);
  return new;
end $$;
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid(),
  body text not null
);
create table public.tasks (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid(),
  title text not null
);
create index on public.notes (user_id);
create index on public.tasks (user_id);
alter table public.notes enable row level security;
alter table public.tasks enable row level security;
create policy own on public.notes to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy own on public.tasks to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create trigger log after insert or update on public.notes for each row execute function private.log();
create function public.touch() returns trigger language plpgsql set search_path = '' as $$ begin return new; end $$;
create trigger touch before insert or update on public.tasks for each row execute function public.touch();
