-- Messages on a topic for each user: whoever is signed in listens to every topic
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: topics = ["user:{user}"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: realtime.messages cross_tenant_read leak

create table public.notes (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id) on delete cascade, words text not null);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy listen on realtime.messages for select to authenticated
  using (extension = 'broadcast' and realtime.topic() like 'user:%');
create policy send on realtime.messages for insert to authenticated
  with check (extension = 'broadcast' and realtime.topic() = 'user:' || (select auth.uid())::text);
