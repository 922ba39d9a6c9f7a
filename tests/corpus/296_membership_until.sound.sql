-- Whoever edits anything may remove everybody's rooms (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "org_id"
-- model: [tenant.membership]
-- model: table = "public.members"
-- model: user = "user_id"
-- model: tenant = "org_id"
-- model: [relations."public.orgs"]
-- model: column = "id"

create table public.orgs (id uuid primary key default gen_random_uuid(), name text not null);
create table public.members (
  org_id uuid not null references public.orgs (id),
  user_id uuid not null references auth.users (id),
  role text not null default 'viewer' check (role in ('owner', 'editor', 'viewer')),
  accepted_at timestamptz,
  expires_at timestamptz,
  primary key (org_id, user_id)
);
create index on public.members (user_id);
create schema private;
grant usage on schema private to authenticated;
create function private.has_role(org uuid, roles text[]) returns boolean language sql stable security definer set search_path = '' as
  $$ select exists (select 1 from public.members m where m.user_id = (select auth.uid()) and m.org_id = org and m.role = any (roles) and m.accepted_at is not null and (m.expires_at is null or m.expires_at > now())) $$;
create function private.is_editor() returns boolean language sql stable security definer set search_path = '' as
  $$ select exists (select 1 from public.members m where m.user_id = (select auth.uid()) and m.role in ('owner', 'editor') and m.accepted_at is not null) $$;
create table public.rooms (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.orgs (id),
  name text
);
create index on public.rooms (org_id);
alter table public.orgs enable row level security;
alter table public.members enable row level security;
alter table public.rooms enable row level security;
create policy mine on public.orgs for select to authenticated using (private.has_role(id, '{owner,editor,viewer}'));
create policy mine on public.members for select to authenticated using (private.has_role(org_id, '{owner,editor,viewer}'));
create policy r on public.rooms for select to authenticated using (private.has_role(org_id, '{owner,editor,viewer}'));
create policy i on public.rooms for insert to authenticated with check (private.has_role(org_id, '{owner,editor}'));
create policy d on public.rooms for delete to authenticated using (private.has_role(org_id, '{owner}'));
