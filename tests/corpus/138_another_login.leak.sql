-- A helper lets every login but PostgREST's see everything, and there is another
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
create function public.mine(owner uuid) returns boolean language plpgsql stable as $$
begin
  if session_user = 'authenticator' then
    return owner = auth.uid();
  end if;
  return true;
end $$;
create policy own on public.items for select to authenticated using (public.mine(user_id));
