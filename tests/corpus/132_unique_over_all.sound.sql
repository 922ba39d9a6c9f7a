-- A function makes an organisation whose address must be unique over all, and says so where it is taken: a risk
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
-- expect: public.create_org(text,text) existence_oracle risk
-- expect: public.add_member(uuid) existence_oracle risk

create table public.orgs (
  id uuid primary key default gen_random_uuid(),
  slug text not null,
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
create unique index orgs_address on public.orgs (lower(slug));
create function public.create_org(slug text, name text) returns uuid language plpgsql security definer set search_path = '' as $$
declare
  made uuid;
begin
  if auth.uid() is null then raise exception 'sign in first'; end if;
  begin
    insert into public.orgs (slug, name) values (create_org.slug, create_org.name) returning id into made;
  exception when unique_violation then
    raise exception 'An organisation with that address exists already';
  end;
  insert into public.org_members (org_id, user_id) values (made, auth.uid());
  return made;
end $$;
create function public.add_member(user_id uuid) returns boolean language plpgsql security definer set search_path = '' as $$
begin
  insert into public.org_members (org_id, user_id)
    select org_id, add_member.user_id from private.my_orgs() org_id on conflict do nothing;
  return found;
end $$;
