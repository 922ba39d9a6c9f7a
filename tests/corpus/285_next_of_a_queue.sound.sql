-- The next job is the next of anybody's (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.jobs (
  id bigint generated always as identity primary key,
  user_id uuid not null references auth.users (id),
  state text not null default 'queued' check (state in ('queued', 'running', 'done')),
  payload jsonb not null default '{}'
);
create index on public.jobs (user_id);
alter table public.jobs enable row level security;
create policy own on public.jobs to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create function public.next_job() returns bigint language sql security definer set search_path = '' as $$
  update public.jobs set state = 'running' where id = (select id from public.jobs where state = 'queued' and user_id = (select auth.uid()) order by id for update skip locked limit 1) returning id $$;
revoke execute on function public.next_job() from public, anon;
