-- A sign-up trigger makes each new user an organisation of their own, besides those that they join
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "org_id"
-- model: [tenant.membership]
-- model: table = "public.org_members"
-- model: user = "user_id"
-- model: tenant = "org_id"
-- model: [relations."public.orgs"]
-- model: column = "id"

create table public.orgs (
  id uuid primary key default gen_random_uuid(),
  slug text not null unique,
  name text not null
);
create table public.org_members (
  org_id uuid not null references public.orgs (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  primary key (org_id, user_id)
);
create index on public.org_members (user_id);
create schema private;
grant usage on schema private to authenticated;
create function private.my_orgs() returns setof uuid language sql stable security definer set search_path = ''
  as $$ select org_id from public.org_members where user_id = auth.uid() $$;
alter table public.orgs enable row level security;
alter table public.org_members enable row level security;
create policy members on public.orgs for select to authenticated using (id in (select private.my_orgs()));
create policy members on public.org_members for select to authenticated using (org_id in (select private.my_orgs()));
create table public.docs (
  id uuid primary key default gen_random_uuid(),
  org_id uuid not null references public.orgs (id) on delete cascade,
  title text not null
);
create index on public.docs (org_id);
alter table public.docs enable row level security;
create policy members on public.docs to authenticated
  using (org_id in (select private.my_orgs())) with check (org_id in (select private.my_orgs()));
create function private.sign_up() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.orgs (id, slug, name) values (new.id, new.id::text, 'personal');
  insert into public.org_members (org_id, user_id) values (new.id, new.id);
  insert into public.docs (org_id, title) values (new.id, 'Welcome');
  return new;
end $$;
create trigger sign_up after insert on auth.users for each row execute function private.sign_up();
