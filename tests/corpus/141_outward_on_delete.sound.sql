-- A trigger acts outside on DELETE: what else it does isn't known, all the rest is
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: incomplete

create schema private;
-- Whoever calls this has acted outside: the prover must not.
create function extensions.http_get(url text) returns void language plpgsql
  as $$ begin raise exception 'called %', url; end $$;
create function private.drop_file() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  perform extensions.http_get('http://files.internal/' || old.image);
  return old;
end $$;
create table public.threads (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  body text not null,
  image text not null default ''
);
create index on public.threads (user_id);
create trigger drop_file after delete on public.threads for each row execute function private.drop_file();
alter table public.threads enable row level security;
create policy own on public.threads to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create function public.delete_thread(which uuid) returns void language sql security definer set search_path = ''
  as $$ delete from public.threads t where t.id = which and t.user_id = auth.uid() $$;
