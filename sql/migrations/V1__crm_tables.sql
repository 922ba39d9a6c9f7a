-- The nine tables of the CRM, each row with its tenant.
-- On an empty database they are made here; a live CRM's own are kept, with all rows, and get what they lack.
-- Rows without a user stay, invisible to every tenant, until an admin assigns them (`mako adopt`).

create table if not exists public.users (
  id text primary key default gen_random_uuid()::text,
  email text unique not null,
  password text not null,
  business_name text,
  role text default 'user',
  email_verified boolean default false,
  failed_login_count integer default 0,
  lock_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists public.leads (
  id text primary key default gen_random_uuid()::text,
  user_id text not null,
  name text not null,
  phone text not null,
  status text not null,
  source text not null,
  summary text,
  ai_summary text,
  sentiment text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists public.contacts (
  id text primary key default gen_random_uuid()::text,
  user_id text not null,
  first_name text not null,
  last_name text,
  email text,
  phone text,
  company text,
  job_position text,
  status text not null default 'active',
  notes text,
  plan text,
  appointment_date timestamptz,
  business_name text,
  business_position text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists public.call_logs (
  id text primary key default gen_random_uuid()::text,
  user_id text not null,
  phone text,
  recording_url text,
  duration integer,
  sentiment text,
  summary text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists public.automation_logs (
  id text primary key default gen_random_uuid()::text,
  user_id text not null,
  action_type text not null,
  status text not null,
  details text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists public.api_keys (
  id text primary key default gen_random_uuid()::text,
  user_id text not null,
  service_name text not null,
  encrypted_key text not null,
  key_hash text,
  is_active boolean not null default true,
  last_used_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id, service_name)
);

create table if not exists public.webhook_events (
  id text primary key default gen_random_uuid()::text,
  source text not null,
  user_id text,
  event_type text,
  payload jsonb not null,
  status text not null default 'received',
  error_message text,
  processed_at timestamptz,
  created_at timestamptz not null default now()
);

create table if not exists public.user_phone_numbers (
  id text primary key default gen_random_uuid()::text,
  user_id text not null,
  phone text not null,
  created_at timestamptz not null default now()
);

create table if not exists public.webhook_endpoints (
  id text primary key default gen_random_uuid()::text,
  user_id text not null,
  source text not null,
  endpoint_key_hash text,
  sealed_secret text,
  auth jsonb not null default '{}',
  last_event_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id, source)
);

-- What a live CRM's tables may lack.
alter table public.leads add column if not exists user_id text;
alter table public.call_logs add column if not exists user_id text;
alter table public.automation_logs add column if not exists user_id text;
alter table public.api_keys
  add column if not exists hint text;
alter table public.webhook_events
  add column if not exists scope text not null default 'platform',
  add column if not exists dedupe_key text,
  add column if not exists attempts integer not null default 0;
alter table public.user_phone_numbers
  add column if not exists provider text not null default 'twilio',
  add column if not exists label text,
  add column if not exists verified_at timestamptz;

-- Lists are ordered by time and read as what the columns promise, so nothing there may be null.
do $do$
declare
  promised constant text[][] := array[
    ['users', 'created_at', 'now()'], ['users', 'updated_at', 'created_at'],
    ['leads', 'created_at', 'now()'], ['leads', 'updated_at', 'created_at'],
    ['contacts', 'created_at', 'now()'], ['contacts', 'updated_at', 'created_at'], ['contacts', 'status', $$'active'$$],
    ['call_logs', 'created_at', 'now()'], ['call_logs', 'updated_at', 'created_at'],
    ['automation_logs', 'created_at', 'now()'], ['automation_logs', 'updated_at', 'created_at'],
    ['api_keys', 'created_at', 'now()'], ['api_keys', 'updated_at', 'created_at'], ['api_keys', 'is_active', 'true'],
    ['webhook_events', 'created_at', 'now()'], ['webhook_events', 'status', $$'received'$$]
  ];
  entry text[];
begin
  foreach entry slice 1 in array promised loop
    if exists (
      select from pg_attribute
      where attrelid = format('public.%I', entry[1])::regclass and attname = entry[2] and not attnotnull
    ) then
      execute format('update public.%I set %I = %s where %2$I is null', entry[1], entry[2], entry[3]);
      execute format('alter table public.%I alter column %I set not null', entry[1], entry[2]);
    end if;
  end loop;
end $do$;

-- Ids and tenants are made by the database, on fresh and taken-over tables alike.
do $$
declare
  relation text;
begin
  foreach relation in array array['leads', 'contacts', 'call_logs', 'automation_logs', 'api_keys', 'user_phone_numbers',
    'webhook_endpoints', 'webhook_events']
  loop
    execute format('alter table public.%I alter column id set default gen_random_uuid()::text', relation);
    -- Events may belong to nobody yet; whose they are is for routing to say.
    if relation <> 'webhook_events' then
      execute format('alter table public.%I alter column user_id set default mako.provisioned_user_id()', relation);
    end if;
    -- NOT VALID: rows that name no user of ours, on a taken-over table, are left as they are.
    if not exists (
      select from pg_constraint
      where conrelid = format('public.%I', relation)::regclass and confrelid = 'public.users'::regclass and contype = 'f'
    ) then
      execute format('alter table public.%I add constraint %I foreign key (user_id) references public.users (id)
        on delete cascade not valid', relation, 'fk_' || relation || '_user_id');
    end if;
  end loop;
  alter table public.users alter column id set default gen_random_uuid()::text;
end $$;

-- Limits that also bind those who write through PostgREST: one constraint a table. Characters, not bytes.
do $$
declare
  limits constant text[][] := array[
    ['users', 'length(email) <= 320 and length(business_name) <= 200'],
    ['leads', 'length(name) <= 200 and length(phone) <= 32 and length(status) <= 50 and length(source) <= 100
      and length(summary) <= 20000 and length(ai_summary) <= 100000 and length(sentiment) <= 50'],
    ['contacts', $check$length(first_name) <= 200 and length(last_name) <= 200 and length(email) <= 320 and length(phone) <= 32
      and length(company) <= 200 and length(job_position) <= 200 and length(status) <= 50 and length(notes) <= 100000
      and length(plan) <= 200 and length(business_name) <= 200 and length(business_position) <= 200
      and appointment_date between '0001-01-01 00:00+00' and '9999-12-31 23:59:59.999999+00'$check$],
    ['call_logs', 'length(phone) <= 32 and length(recording_url) <= 2048 and duration >= 0 and length(sentiment) <= 50
      and length(summary) <= 20000'],
    ['automation_logs', 'length(action_type) <= 100 and length(status) <= 50 and length(details) <= 100000'],
    ['api_keys', 'length(service_name) <= 50 and length(encrypted_key) <= 16384 and length(hint) <= 4'],
    ['webhook_events', $check$length(source) <= 50 and length(scope) <= 200 and length(dedupe_key) <= 200
      and status in ('received', 'processed', 'failed', 'ignored', 'unrouted')$check$],
    -- E.164, or a short code
    ['user_phone_numbers', $check$phone ~ '^(\+[1-9][0-9]{6,14}|[0-9]{3,8})$' and length(label) <= 200
      and provider in ('twilio', 'vapi', 'make')$check$],
    ['webhook_endpoints', $check$source in ('twilio', 'vapi', 'make') and length(sealed_secret) <= 16384$check$]
  ];
  entry text[];
begin
  foreach entry slice 1 in array limits loop
    execute format('alter table public.%I drop constraint if exists %I', entry[1], entry[1] || '_limits');
    execute format('alter table public.%I add constraint %I check (%s) not valid', entry[1], entry[1] || '_limits', entry[2]);
    begin
      execute format('alter table public.%I validate constraint %I', entry[1], entry[1] || '_limits');
    exception when check_violation then
      raise warning 'public.% has rows beyond the limits; they stay, new ones are bound', entry[1];
    end;
  end loop;
end $$;

-- Lists are read newest first within a tenant.
create index if not exists leads_newest on public.leads (user_id, created_at desc, id desc);
create index if not exists contacts_newest on public.contacts (user_id, created_at desc, id desc);
create index if not exists call_logs_newest on public.call_logs (user_id, created_at desc, id desc);
create index if not exists automation_logs_newest on public.automation_logs (user_id, created_at desc, id desc);
create index if not exists webhook_events_newest on public.webhook_events (user_id, created_at desc, id desc);
create index if not exists user_phone_numbers_newest on public.user_phone_numbers (user_id, created_at desc, id desc);
-- A lead and a contact are found by number, a contact by address, within a tenant.
create index if not exists leads_phone on public.leads (user_id, phone);
create index if not exists contacts_phone on public.contacts (user_id, phone);
create index if not exists contacts_email on public.contacts (user_id, lower(email));
-- One tenant's event never swallows another's.
create unique index if not exists webhook_events_once on public.webhook_events (source, scope, dedupe_key);
-- Whoever only claims a number blocks nobody: it is unique among the verified ones.
create unique index if not exists user_phone_numbers_verified on public.user_phone_numbers (phone) where verified_at is not null;
create unique index if not exists user_phone_numbers_claimed on public.user_phone_numbers (user_id, phone);
create unique index if not exists webhook_endpoints_key on public.webhook_endpoints (endpoint_key_hash);

-- What each column holds.
comment on table public.users is 'Users of the CRM: the tenants';
comment on column public.users.id is 'The tenant: claim sub of the user''s tokens';
comment on column public.users.email is 'Address; <id>@no-email.invalid if the token named none that was free';
comment on column public.users.password is 'bcrypt hash of the CRM''s own login; ! for users who log in elsewhere';
comment on column public.users.business_name is 'Name of the business, by the user';
comment on column public.users.role is 'Role within the application, no role of Postgres';
comment on column public.users.email_verified is 'Whether the CRM has seen a reply from the address';
comment on column public.users.failed_login_count is 'Failed logins in a row, for the CRM''s own login';
comment on column public.users.lock_until is 'No login before this time';
comment on column public.users.created_at is 'When the row was made';
comment on column public.users.updated_at is 'When it was changed last';
comment on table public.leads is 'People who may become customers';
comment on column public.leads.id is 'Made by the database';
comment on column public.leads.user_id is 'Tenant';
comment on column public.leads.name is 'Name';
comment on column public.leads.phone is 'E.164 where it could be read as that, else as typed';
comment on column public.leads.status is 'Stage: new, qualified, contacted, booked, meeting, proposal, converted, or one of the tenant''s own';
comment on column public.leads.source is 'Where the lead came from, such as Voice or SMS';
comment on column public.leads.summary is 'Short text for lists';
comment on column public.leads.ai_summary is 'What the assistant noted, in full';
comment on column public.leads.sentiment is 'Mood of the last conversation';
comment on column public.leads.created_at is 'When the row was made';
comment on column public.leads.updated_at is 'When it was changed last; set by the statement, there is no trigger';
comment on table public.contacts is 'Address book';
comment on column public.contacts.id is 'Made by the database';
comment on column public.contacts.user_id is 'Tenant';
comment on column public.contacts.first_name is 'First name, or the whole name';
comment on column public.contacts.last_name is 'Rest of the name';
comment on column public.contacts.email is 'Address';
comment on column public.contacts.phone is 'E.164 where it could be read as that, else as typed';
comment on column public.contacts.company is 'Company';
comment on column public.contacts.job_position is 'Position there';
comment on column public.contacts.status is 'active, pending, inactive, or one of the tenant''s own';
comment on column public.contacts.notes is 'Free text';
comment on column public.contacts.plan is 'Plan that the contact is on';
comment on column public.contacts.appointment_date is 'Next appointment';
comment on column public.contacts.business_name is 'Business, where it differs from the company';
comment on column public.contacts.business_position is 'Position in that business';
comment on column public.contacts.created_at is 'When the row was made';
comment on column public.contacts.updated_at is 'When it was changed last';
comment on table public.call_logs is 'Calls that were handled';
comment on column public.call_logs.id is 'Made by the database';
comment on column public.call_logs.user_id is 'Tenant';
comment on column public.call_logs.phone is 'The customer''s number; null if it was withheld';
comment on column public.call_logs.recording_url is 'Where the recording can be heard';
comment on column public.call_logs.duration is 'Length in seconds';
comment on column public.call_logs.sentiment is 'Mood of the call';
comment on column public.call_logs.summary is 'What was said';
comment on column public.call_logs.created_at is 'When the row was made';
comment on column public.call_logs.updated_at is 'When it was changed last';
comment on table public.automation_logs is 'What automations did';
comment on column public.automation_logs.id is 'Made by the database';
comment on column public.automation_logs.user_id is 'Tenant';
comment on column public.automation_logs.action_type is 'What was done, such as sms or call';
comment on column public.automation_logs.status is 'completed, pending, failed, or another of the automation''s own';
comment on column public.automation_logs.details is 'JSON as text';
comment on column public.automation_logs.created_at is 'When the row was made';
comment on column public.automation_logs.updated_at is 'When it was changed last';
comment on table public.api_keys is 'Keys for the tenant''s accounts with other services';
comment on column public.api_keys.id is 'Made by the database';
comment on column public.api_keys.user_id is 'Tenant';
comment on column public.api_keys.service_name is 'Service, in lower case';
comment on column public.api_keys.encrypted_key is 'The key (sealed): base64 of version, key id, nonce, ciphertext, tag';
comment on column public.api_keys.key_hash is 'Keyed fingerprint, to check a key without opening this one';
comment on column public.api_keys.is_active is 'False once the tenant has disconnected the service';
comment on column public.api_keys.last_used_at is 'When the key was used last';
comment on column public.api_keys.created_at is 'When the row was made';
comment on column public.api_keys.updated_at is 'When it was changed last';
comment on column public.api_keys.hint is 'The last four characters, for keys of 20 or more';
comment on table public.webhook_events is 'What providers delivered: recorded first, once';
comment on column public.webhook_events.id is 'Made by the database';
comment on column public.webhook_events.source is 'Provider';
comment on column public.webhook_events.user_id is 'Tenant; null until the event is routed';
comment on column public.webhook_events.event_type is 'Kind of event, in the provider''s words';
comment on column public.webhook_events.payload is 'What was delivered, without secrets; emptied after the retention period';
comment on column public.webhook_events.status is 'received, processed, failed, ignored or unrouted';
comment on column public.webhook_events.error_message is 'Why it failed';
comment on column public.webhook_events.processed_at is 'When its effects were committed';
comment on column public.webhook_events.created_at is 'When it was recorded';
comment on column public.webhook_events.scope is 'Endpoint that received it, or platform';
comment on column public.webhook_events.dedupe_key is 'What makes it the same event when it is delivered again';
comment on column public.webhook_events.attempts is 'How often its effects were tried';
comment on table public.user_phone_numbers is 'Which tenant does a number belong to?';
comment on column public.user_phone_numbers.id is 'Made by the database';
comment on column public.user_phone_numbers.user_id is 'Tenant';
comment on column public.user_phone_numbers.phone is 'E.164, or a short code of 3 to 8 digits';
comment on column public.user_phone_numbers.created_at is 'When it was claimed';
comment on column public.user_phone_numbers.provider is 'Who runs the number';
comment on column public.user_phone_numbers.label is 'Name for it, by the tenant';
comment on column public.user_phone_numbers.verified_at is 'When an admin or the provider confirmed it; only then events are routed by it';
comment on table public.webhook_endpoints is 'A tenant''s own webhook addresses';
comment on column public.webhook_endpoints.id is 'Made by the database';
comment on column public.webhook_endpoints.user_id is 'Tenant';
comment on column public.webhook_endpoints.source is 'Provider';
comment on column public.webhook_endpoints.endpoint_key_hash is 'SHA-256 of the key in the address';
comment on column public.webhook_endpoints.sealed_secret is 'The secret that deliveries are verified with (sealed)';
comment on column public.webhook_endpoints.auth is 'How the provider signs, without secrets';
comment on column public.webhook_endpoints.last_event_at is 'When the last event arrived';
comment on column public.webhook_endpoints.created_at is 'When the row was made';
comment on column public.webhook_endpoints.updated_at is 'When it was changed last';
