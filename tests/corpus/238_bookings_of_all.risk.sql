-- No two bookings overlap, whosever they are: an insert that is refused tells when others have booked (the correct twin: one's own)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.bookings unscoped_unique risk

create table public.bookings (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  during tstzrange not null check (lower(during) < upper(during)),
  exclude using gist (during with &&)
);
create index on public.bookings (user_id);
alter table public.bookings enable row level security;
create policy own on public.bookings to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
