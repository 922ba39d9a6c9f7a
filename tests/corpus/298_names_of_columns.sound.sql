-- Any column of any row is changed by naming both (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.cards (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id),
  title text,
  color text
);
create index on public.cards (user_id);
alter table public.cards enable row level security;
create policy own on public.cards to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create function public.patch(kind text, row_id uuid, field text, content text) returns void language plpgsql
  set search_path = '' as $$
begin
  if kind not in ('cards') then raise exception 'unknown kind'; end if;
  execute format('update public.%I set %I = %L where id = %L', kind, field, content, row_id);
end $$;
revoke execute on function public.patch(text, uuid, text, text) from public, anon;
