-- Jobs are in a schema of their own, which no client may use
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."cron.job"]
-- model: internal = true
-- model: reason = "what the database does by itself"

create table public.notes (id uuid primary key default gen_random_uuid(), user_id uuid not null references auth.users (id) on delete cascade, words text not null);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy own on public.notes to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create schema cron;
create table cron.job (jobid bigint primary key, schedule text not null, command text not null, username text not null default current_user);
grant select on cron.job to authenticated;
