-- Partitions by hash are granted by themselves: no made-up row may fit one, but no policy binds it either (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.items (id uuid not null default gen_random_uuid(), user_id uuid not null references auth.users (id), words text, primary key (user_id, id)) partition by hash (user_id);
create table public.items_0 partition of public.items for values with (modulus 4, remainder 0);
create table public.items_1 partition of public.items for values with (modulus 4, remainder 1);
create table public.items_2 partition of public.items for values with (modulus 4, remainder 2);
create table public.items_3 partition of public.items for values with (modulus 4, remainder 3);
alter table public.items enable row level security;
create policy own on public.items to authenticated using (user_id = (select auth.uid()));
revoke all on public.items_0 from anon, authenticated;
revoke all on public.items_1 from anon, authenticated;
revoke all on public.items_2 from anon, authenticated;
revoke all on public.items_3 from anon, authenticated;
