-- A list is sorted by what its caller writes
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.list_orders(text,text) runs_text_as_sql leak

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id),
  total numeric not null default 0,
  placed_at timestamptz not null default now()
);
create index on public.orders (user_id);
alter table public.orders enable row level security;
create policy own on public.orders to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create function public.list_orders(sort_by text default 'placed_at', direction text default 'desc') returns setof public.orders language plpgsql stable security definer set search_path = '' as $$
begin
  return query execute format('select * from public.orders where user_id = %L order by %I %s', auth.uid(), sort_by, direction);
end $$;
revoke execute on function public.list_orders(text, text) from public, anon;
