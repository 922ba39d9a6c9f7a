-- A partition is granted by itself, and has no policies of its own (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.events (
  id bigint generated always as identity,
  user_id uuid not null references auth.users (id),
  at date not null,
  words text,
  primary key (id, at)
) partition by range (at);
create table public.events_2024 partition of public.events for values from ('2024-01-01') to ('2025-01-01');
create table public.events_2025 partition of public.events for values from ('2025-01-01') to ('2026-01-01');
create index on public.events (user_id);
alter table public.events enable row level security;
create policy own on public.events to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
revoke all on public.events_2024, public.events_2025 from anon, authenticated;
