-- The CRM's database before multi-tenancy, as its own set-up made it, with rows that break every new rule.
create table users (id text primary key default gen_random_uuid()::text, email text unique not null, password text not null,
  business_name text, role text default 'user', email_verified bool default false, failed_login_count int default 0,
  lock_until timestamptz, created_at timestamptz default now(), updated_at timestamptz default now());
create table leads (id text primary key default gen_random_uuid()::text, name text not null, phone text not null,
  status text not null, source text not null, summary text, ai_summary text, sentiment text,
  created_at timestamptz default now(), updated_at timestamptz default now());
create table call_logs (id text primary key default gen_random_uuid()::text, phone text, recording_url text, duration int,
  sentiment text, summary text, created_at timestamptz default now(), updated_at timestamptz default now());
create table automation_logs (id text primary key default gen_random_uuid()::text, action_type text not null,
  status text not null, details text, created_at timestamptz default now(), updated_at timestamptz default now());
alter table leads enable row level security;
create policy "Service role full access" on leads for all using (true) with check (true);
-- Its own multi-tenancy migration stopped in the middle.
alter table call_logs add column user_id text;
insert into users (email, password) values ('old@example.com', 'bcrypt');
insert into leads (name, phone, status, source, created_at) values
  ('no time', '1', 'new', 'Voice', null), (repeat('x', 500), '2', 'new', 'SMS', now()), ('plain', '3', 'new', 'SMS', now());
insert into call_logs (phone, user_id) values ('1', ''), ('2', 'nobody');
insert into automation_logs (action_type, status) values ('sms', 'completed');
