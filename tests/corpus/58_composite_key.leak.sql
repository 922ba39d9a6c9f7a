-- A key of several columns, and a leak in the second table
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.bookings cross_tenant_read leak

create table public.slots (user_id uuid not null references auth.users (id), day date not null, n int not null, words text, primary key (user_id, day, n));
create table public.bookings (user_id uuid not null, day date not null, n int not null, who text, primary key (user_id, day, n), foreign key (user_id, day, n) references public.slots);
alter table public.slots enable row level security;
alter table public.bookings enable row level security;
create policy r on public.bookings for select using (who is not null);
