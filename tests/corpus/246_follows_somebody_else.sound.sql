-- Nobody follows themselves, and only for oneself one follows
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "follower_id"
-- model: [relations."public.steps"]
-- model: column = "owner_id"

create table public.follows (
  id uuid primary key default gen_random_uuid(),
  follower_id uuid not null references auth.users (id) on delete cascade,
  following_id uuid not null references auth.users (id) on delete cascade,
  unique (follower_id, following_id),
  check (follower_id <> following_id)
);
alter table public.follows enable row level security;
create policy read on public.follows for select to authenticated using (follower_id = (select auth.uid()));
create policy make on public.follows for insert to authenticated with check (follower_id = (select auth.uid()));

create table public.steps (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null references auth.users (id) on delete cascade
);
alter table public.steps enable row level security;
create policy own on public.steps to authenticated using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));

create table public.step_order (
  id uuid primary key default gen_random_uuid(),
  follower_id uuid not null references auth.users (id) on delete cascade,
  step_id uuid not null references public.steps (id) on delete cascade,
  after_step_id uuid not null references public.steps (id) on delete cascade,
  check (step_id <> after_step_id)
);
alter table public.step_order enable row level security;
create policy read on public.step_order for select to authenticated using (follower_id = (select auth.uid()));
create policy make on public.step_order for insert to authenticated with check (follower_id = (select auth.uid())
  and exists (select from public.steps where id = step_id) and exists (select from public.steps where id = after_step_id));
