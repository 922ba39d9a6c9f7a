-- A thread names its first post and a post its thread, neither may be empty, and both references wait until the end of
-- the transaction; everything is in order.
-- model: [tenant]
-- model: column = "team_id"
-- model: [tenant.membership]
-- model: table = "public.team_people"
-- model: user = "user_id"
-- model: tenant = "team_id"
create table public.team_people (team_id uuid not null, user_id uuid not null, primary key (team_id, user_id));
create index on public.team_people (user_id);
create schema private;
grant usage on schema private to authenticated;
create function private.my_teams() returns setof uuid language sql stable security definer set search_path = '' as
  $$ select team_id from public.team_people where user_id = (select auth.uid()) $$;
create table public.threads (id uuid primary key, team_id uuid not null, first_post uuid not null, unique (team_id, id));
create table public.posts (id uuid primary key, team_id uuid not null, thread uuid not null, words text not null, unique (team_id, id),
  foreign key (team_id, thread) references public.threads (team_id, id) deferrable initially deferred);
alter table public.threads add foreign key (team_id, first_post) references public.posts (team_id, id) deferrable initially deferred;
create table public.notes (id uuid primary key, team_id uuid not null, words text not null);
create index on public.notes (team_id);
alter table public.team_people enable row level security;
alter table public.threads enable row level security;
alter table public.posts enable row level security;
alter table public.notes enable row level security;
revoke insert, update, delete on public.team_people from anon, authenticated;
create policy own on public.team_people for select to authenticated using (team_id in (select private.my_teams()));
create policy own on public.threads to authenticated using (team_id in (select private.my_teams()))
  with check (team_id in (select private.my_teams()));
create policy own on public.posts to authenticated using (team_id in (select private.my_teams()))
  with check (team_id in (select private.my_teams()));
create policy seen on public.notes for select to authenticated using (team_id in (select private.my_teams()));
create policy made on public.notes for insert to authenticated with check (team_id in (select private.my_teams()));
