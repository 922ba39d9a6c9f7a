-- The CRM's own set-up, before multi-tenancy: run as the owner of the database
do $$
begin
  create extension if not exists "uuid-ossp";
exception when others then
  -- A Postgres without contrib; only the function's name matters here.
  create function uuid_generate_v4() returns uuid language sql volatile as 'select gen_random_uuid()';
end $$;
create table users (
  id text primary key default uuid_generate_v4()::text,
  email text unique not null,
  password text not null,
  business_name text,
  role text default 'user',
  email_verified boolean default false,
  failed_login_count integer default 0,
  lock_until timestamptz,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
create table leads (
  id text primary key default uuid_generate_v4()::text,
  name text not null,
  phone text not null,
  status text not null,
  source text not null,
  summary text,
  ai_summary text,
  sentiment text,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
create table call_logs (
  id text primary key default uuid_generate_v4()::text,
  phone text,
  recording_url text,
  duration integer,
  sentiment text,
  summary text,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
create table automation_logs (
  id text primary key default uuid_generate_v4()::text,
  action_type text not null,
  status text not null,
  details text,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
create index idx_users_email on users (email);
create index idx_leads_phone on leads (phone);
create index idx_call_logs_phone on call_logs (phone);
create index idx_automation_logs_created_at on automation_logs (created_at desc);
alter table users enable row level security;
alter table leads enable row level security;
alter table call_logs enable row level security;
alter table automation_logs enable row level security;
create policy "Service role full access" on users for all using (true) with check (true);
create policy "Service role full access" on leads for all using (true) with check (true);
create policy "Service role full access" on call_logs for all using (true) with check (true);
create policy "Service role full access" on automation_logs for all using (true) with check (true);
grant all on users, leads, call_logs, automation_logs to anon, authenticated, service_role;
