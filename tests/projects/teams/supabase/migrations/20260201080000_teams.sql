create table public.teams (
  id uuid primary key default gen_random_uuid(),
  name text not null
);
create table public.team_members (
  team_id uuid not null references public.teams on delete cascade,
  user_id uuid not null references auth.users on delete cascade,
  role text not null default 'member',
  primary key (team_id, user_id)
);
create function public.is_member(team uuid) returns boolean language sql stable security definer set search_path = ''
begin atomic
  select exists (select from public.team_members m where m.team_id = team and m.user_id = (select auth.uid()));
end;
alter table public.teams enable row level security;
alter table public.team_members enable row level security;
create policy "Members see their teams" on public.teams for select to authenticated using (public.is_member(id));
create policy "Members see members" on public.team_members for select to authenticated using (public.is_member(team_id));
