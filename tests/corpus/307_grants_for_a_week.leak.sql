-- Anybody may grant themselves a look at a record, if only for a week
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- model: [relations."public.records"]
-- model: column = "patient_id"
-- model: [relations."public.access_grants"]
-- model: column = "granted_by"
-- model: readers = ["grantee_id"]
-- expect: public.access_grants escalation leak
-- expect: public.access_grants foreign_key_to_other leak

create table public.records (id uuid primary key default gen_random_uuid(), patient_id uuid not null references auth.users (id), note text not null default '');
create table public.access_grants (id uuid primary key default gen_random_uuid(), record_id uuid not null references public.records (id) on delete cascade, grantee_id uuid not null references auth.users (id), granted_by uuid not null default auth.uid() references auth.users (id), expires_at timestamptz not null default now() + interval '1 day', unique (record_id, grantee_id));
create index on public.records (patient_id);
create schema private;
grant usage on schema private to authenticated;
create function private.granted(r uuid) returns boolean language sql stable security definer set search_path = '' as $$ select exists (select 1 from public.access_grants where record_id = r and grantee_id = auth.uid() and expires_at > now()) $$;
create function private.owns(r uuid) returns boolean language sql stable security definer set search_path = '' as $$ select exists (select 1 from public.records where id = r and patient_id = auth.uid()) $$;
alter table public.records enable row level security;
alter table public.access_grants enable row level security;
create policy o on public.records to authenticated using (patient_id = (select auth.uid())) with check (patient_id = (select auth.uid()));
create policy g on public.records for select to authenticated using (private.granted(id));
create policy s on public.access_grants for select to authenticated using (granted_by = (select auth.uid()) or grantee_id = (select auth.uid()));
create policy i on public.access_grants for insert to authenticated with check (granted_by = (select auth.uid()) and expires_at < now() + interval '7 days');
