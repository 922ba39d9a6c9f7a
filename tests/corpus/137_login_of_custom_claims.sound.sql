-- The well-known custom claims ask for PostgREST's login; whether clients come by another one isn't known
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: incomplete

-- Roles are the server's, and other cases make this one too.
do $$
begin
  create role gateway login noinherit;
  grant anon, authenticated to gateway;
exception when duplicate_object or unique_violation then null;
end $$;
create table public.items (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null
);
create index on public.items (user_id);
alter table public.items enable row level security;
create policy own on public.items for select to authenticated using (user_id = (select auth.uid()));
create function public.is_claims_admin() returns boolean language plpgsql as $$
begin
  if session_user = 'authenticator' then
    if extract(epoch from now()) > coalesce((current_setting('request.jwt.claims', true)::jsonb) ->> 'exp', '0')::numeric then
      return false;
    end if;
    return coalesce((current_setting('request.jwt.claims', true)::jsonb) -> 'app_metadata' -> 'claims_admin', 'false')::bool;
  end if;
  return true;
end $$;
create function public.get_claims(uid uuid) returns jsonb language plpgsql security definer set search_path = public as $$
declare
  claims jsonb;
begin
  if not is_claims_admin() then
    return '{"error": "access denied"}'::jsonb;
  end if;
  select to_jsonb(u) into claims from auth.users u where id = uid;
  return claims;
end $$;
