-- Published templates are everybody's to read, and by a function all others too (the correct twin: no others)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.templates"]
-- model: public_where = "user_id is null or is_public"
-- expect: public.newest() function_reads_others leak

create table public.templates (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references auth.users (id) on delete cascade,
  is_public boolean not null default false,
  words text not null
);
create index on public.templates (user_id);
alter table public.templates enable row level security;
create policy see on public.templates for select to authenticated using (user_id = (select auth.uid()) or user_id is null or is_public);
create policy make on public.templates for insert to authenticated with check (user_id = (select auth.uid()));
create policy remove on public.templates for delete to authenticated using (user_id = (select auth.uid()));
create view public.gallery with (security_invoker = true) as select id, user_id, words from public.templates where is_public;
revoke insert, update, delete on public.gallery from anon, authenticated;
create function public.templates_like(word text) returns setof public.templates language sql stable as
  $$ select * from public.templates where words ilike word $$;
create policy edit on public.templates for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create function public.newest() returns setof public.templates language sql stable security definer set search_path = '' as
  $$ select * from public.templates $$;
