-- The nine tables of the CRM, each row with its tenant. Idempotent: pasted into the SQL editor it is one transaction.
-- On an empty database they are made here, whole. A live CRM's own are kept, with all rows, and get what its present
-- writers don't notice: user_id stays nullable, foreign keys NOT VALID. Rows without a user stay, invisible to every
-- tenant, until an admin assigns them. The rest, which refuses writes, comes with `mako adopt --enforce`, or with
-- `set local mako.enforce = 'on';` before this file.
-- On a large live database run `mako adopt --apply` first: it does the same in small steps that stop nobody.
set local lock_timeout = '5s';

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
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id, source)
);

-- What is lacking, and which statement brings it. The query between the marks reads the catalog and nothing else;
-- `mako adopt` takes it from here and executes each row as a transaction of its own. What a later migration changes of
-- this is changed here as well, for live tables that are not enforced yet.
do $do$
declare
  step record;
  -- A table that this very transaction has made is whole at once.
  fresh constant regclass[] := array(
    select attrelid::regclass from pg_attribute where attname = 'id' and xmin = pg_current_xact_id()::xid
  );
begin
  for step in
    -- lacking {
    with
    -- Columns that a live CRM's tables may lack.
    wanted_column(relation, name, definition) as (
      values ('leads', 'user_id', 'text'), ('contacts', 'user_id', 'text'), ('call_logs', 'user_id', 'text'),
        ('automation_logs', 'user_id', 'text'), ('api_keys', 'user_id', 'text'), ('webhook_events', 'user_id', 'text'),
        ('api_keys', 'hint', 'text'),
        ('webhook_events', 'scope', $$text not null default 'platform'$$),
        ('webhook_events', 'dedupe_key', 'text'),
        ('webhook_events', 'attempts', 'integer not null default 0'),
        ('user_phone_numbers', 'id', 'text not null unique default gen_random_uuid()::text'),
        ('user_phone_numbers', 'provider', $$text not null default 'twilio'$$),
        ('user_phone_numbers', 'label', 'text'),
        ('user_phone_numbers', 'verified_at', 'timestamptz'),
        ('user_phone_numbers', 'created_at', 'timestamptz not null default now()')
    ),
    -- Lists are ordered by time and read as what the columns promise, so nothing there may stay null.
    promised(relation, name, value, expression) as (
      select relation, name, value, expression
      from (values ('users'), ('leads'), ('contacts'), ('call_logs'), ('automation_logs'), ('api_keys')) r(relation),
        (values ('created_at', 'coalesce(created_at, updated_at, now())', 'now()'),
          ('updated_at', 'coalesce(updated_at, created_at, now())', 'now()')) c(name, value, expression)
      union all
      values ('contacts', 'status', $$coalesce(status, 'active')$$, $$'active'::text$$),
        ('api_keys', 'is_active', 'coalesce(is_active, true)', 'true'),
        ('webhook_events', 'created_at', 'coalesce(created_at, now())', 'now()'),
        ('webhook_events', 'status', $$coalesce(status, 'received')$$, $$'received'::text$$)
    ),
    -- Events may belong to nobody yet; whose they are is for routing to say.
    owned(relation) as (
      values ('leads'), ('contacts'), ('call_logs'), ('automation_logs'), ('api_keys'), ('user_phone_numbers'),
        ('webhook_endpoints')
    ),
    -- Ids and tenants are made by the database.
    wanted_default(relation, name, expression) as (
      select relation, 'user_id', 'mako.provisioned_user_id()' from owned
      union all
      select relation, 'id', '(gen_random_uuid())::text' from owned
      union all
      values ('users', 'id', '(gen_random_uuid())::text'), ('webhook_events', 'id', '(gen_random_uuid())::text')
      union all
      select relation, name, expression from promised
    ),
    wanted_index(relation, name, definition) as (
      values
        -- Lists are read newest first within a tenant.
        ('leads', 'leads_newest', 'index %I on %s (user_id, created_at desc, id desc)'),
        ('contacts', 'contacts_newest', 'index %I on %s (user_id, created_at desc, id desc)'),
        ('call_logs', 'call_logs_newest', 'index %I on %s (user_id, created_at desc, id desc)'),
        ('automation_logs', 'automation_logs_newest', 'index %I on %s (user_id, created_at desc, id desc)'),
        ('webhook_events', 'webhook_events_newest', 'index %I on %s (user_id, created_at desc, id desc)'),
        ('user_phone_numbers', 'user_phone_numbers_newest', 'index %I on %s (user_id, created_at desc, id desc)'),
        -- A lead and a contact are found by number, a contact by address, within a tenant.
        ('leads', 'leads_phone', 'index %I on %s (user_id, phone)'),
        ('contacts', 'contacts_phone', 'index %I on %s (user_id, phone)'),
        ('contacts', 'contacts_email', 'index %I on %s (user_id, lower(email))'),
        -- One tenant's event never swallows another's.
        ('webhook_events', 'webhook_events_once', 'unique index %I on %s (source, scope, dedupe_key)'),
        -- Whoever only claims a number blocks nobody: it is unique among the verified ones.
        ('user_phone_numbers', 'user_phone_numbers_verified',
          'unique index %I on %s (phone) where verified_at is not null'),
        ('user_phone_numbers', 'user_phone_numbers_claimed', 'unique index %I on %s (user_id, phone)'),
        ('webhook_endpoints', 'webhook_endpoints_key', 'unique index %I on %s (endpoint_key_hash)')
    ),
    -- Limits that also bind those who write through PostgREST: one constraint a table. Characters, not bytes.
    limits(relation, condition) as (
      values ('users', 'length(email) <= 320 and length(business_name) <= 200'),
        ('leads', 'length(name) <= 200 and length(phone) <= 32 and length(status) <= 50 and length(source) <= 100
          and length(summary) <= 20000 and length(ai_summary) <= 100000 and length(sentiment) <= 50'),
        ('contacts', 'length(first_name) <= 200 and length(last_name) <= 200 and length(email) <= 320
          and length(phone) <= 32 and length(company) <= 200 and length(job_position) <= 200 and length(status) <= 50
          and length(notes) <= 100000 and length(plan) <= 200 and length(business_name) <= 200
          and length(business_position) <= 200
          and appointment_date between $$0001-01-01 00:00+00$$ and $$9999-12-31 23:59:59.999999+00$$'),
        ('call_logs', 'length(phone) <= 32 and length(recording_url) <= 2048 and duration >= 0
          and length(sentiment) <= 50 and length(summary) <= 20000'),
        ('automation_logs', 'length(action_type) <= 100 and length(status) <= 50 and length(details) <= 100000'),
        ('api_keys', 'length(service_name) <= 50 and length(encrypted_key) <= 16384 and length(hint) <= 4'),
        ('webhook_events', $$length(source) <= 50 and length(scope) <= 200 and length(dedupe_key) <= 200
          and status in ('received', 'processed', 'failed', 'ignored', 'unrouted')$$),
        -- E.164, or a short code
        ('user_phone_numbers', $$phone ~ '^(\+[1-9][0-9]{6,14}|[0-9]{3,8})$' and length(label) <= 200
          and provider in ('twilio', 'vapi', 'make')$$),
        ('webhook_endpoints', $$source in ('twilio', 'vapi', 'make') and length(sealed_secret) <= 16384$$)
    ),
    -- What there is.
    known(relation, oid) as (
      select l.relation, c.oid
      from limits l
      join pg_class c on c.oid = to_regclass(format('public.%I', l.relation)) and c.relkind in ('r', 'p')
    ),
    present(relation, oid, name, nullable, expression) as (
      select k.relation, k.oid, a.attname::text, not a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
      from known k
      join pg_attribute a on a.attrelid = k.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = k.oid and d.adnum = a.attnum
    ),
    held(relation, name, kind, validated, references_users) as (
      select k.relation, c.conname::text, c.contype, c.convalidated,
        c.confrelid = to_regclass('public.users') and c.conkey = array[a.attnum]
      from known k
      join pg_constraint c on c.conrelid = k.oid
      left join pg_attribute a on a.attrelid = k.oid and a.attname = 'user_id' and not a.attisdropped
    ),
    built(relation, name, valid) as (
      select k.relation, c.relname::text, i.indisvalid
      from known k
      join pg_index i on i.indrelid = k.oid
      join pg_class c on c.oid = i.indexrelid
    ),
    -- What the one lacks of the other.
    change(relation, clause, words) as (
      select w.relation, format('add column %I %s', w.name, w.definition), 'column ' || w.name
      from wanted_column w
      join known using (relation)
      where not exists (select from present p where (p.relation, p.name) = (w.relation, w.name))
      union all
      select w.relation, format('alter column %I set default %s', w.name, w.expression), 'default of ' || w.name
      from wanted_default w
      join known using (relation)
      where not exists (select from present p where (p.relation, p.name, p.expression) = (w.relation, w.name, w.expression))
      union all
      select k.relation, format('drop constraint %I', c.conname), 'no check that refuses the status unrouted'
      from known k
      join pg_constraint c on c.conrelid = k.oid and c.contype = 'c'
      where k.relation = 'webhook_events' and pg_get_constraintdef(c.oid) like '%''ignored''%'
        and pg_get_constraintdef(c.oid) not like '%''unrouted''%'
    ),
    fill(relation, assignments, condition, words) as (
      select p.relation, string_agg(format('%I = %s', name, value), ', ' order by name),
        string_agg(format('%I is null', name), ' or ' order by name), string_agg(name, ', ' order by name)
      from promised
      join present p using (relation, name)
      where p.nullable
      group by p.relation
    ),
    nullable(relation, condition, clauses, words) as (
      select relation, string_agg(format('%I is not null', name), ' and ' order by name),
        string_agg(format('alter column %I set not null', name), ', ' order by name),
        string_agg(name, ', ' order by name)
      from (select relation, name from promised union select relation, 'user_id' from owned) p
      left join present using (relation, name)
      join known using (relation)
      where coalesce(nullable, name = 'user_id')
      group by relation
    ),
    tenant_key(relation, name, validated) as (
      select p.relation, coalesce(h.name, 'fk_' || p.relation || '_user_id'), h.validated
      from (select relation from owned union values ('webhook_events')) p
      join known using (relation)
      left join lateral (
        select name, validated from held where relation = p.relation and kind = 'f' and references_users
        order by validated desc limit 1
      ) h on true
    )
    -- A word for each: what can refuse a write is of phase enforce.
    select phase, kind, relation, words, statement
    from (
      select 1, 'apply', 'columns', relation, string_agg(words, ', ' order by words),
        format('alter table public.%I %s', relation, string_agg(clause, ', ' order by clause))
      from change group by relation
      union all
      select 2, 'apply', 'fill', relation, 'values where there are none: ' || words,
        format('update public.%I set %s where (%s)', relation, assignments, condition)
      from fill
      union all
      select 3, 'apply', 'foreign key', relation, 'foreign key to users, for new rows only', format('alter table public.%I
        add constraint %I foreign key (user_id) references public.users (id) on delete cascade not valid', relation, name)
      from tenant_key where validated is null
      union all
      -- What a stopped CREATE INDEX CONCURRENTLY has left behind.
      select 4, 'apply', 'remnant', w.relation, 'unfinished index ' || w.name, format('drop index public.%I', w.name)
      from wanted_index w join built b using (relation, name) where not b.valid
      union all
      select 5, 'apply', 'index', w.relation, 'index ' || w.name, format('create ' || w.definition, w.name, 'public.' || w.relation)
      from wanted_index w join known using (relation)
      where not exists (select from built b where (b.relation, b.name, b.valid) = (w.relation, w.name, true))
      union all
      select 6, 'enforce', 'check', relation, 'no new row without ' || words,
        format('alter table public.%I add constraint %I check (%s) not valid', relation, relation || '_present', condition)
      from nullable n where not exists (select from held h where (h.relation, h.name) = (n.relation, n.relation || '_present'))
      union all
      select 7, 'enforce', 'validate', relation, 'no old row without ' || words,
        format('alter table public.%I validate constraint %I', relation, relation || '_present')
      from nullable
      union all
      select 8, 'enforce', 'not null', relation, 'not null: ' || words, format(
        'alter table public.%1$I %2$s; alter table public.%1$I drop constraint %3$I', relation, clauses, relation || '_present')
      from nullable
      union all
      select 9, 'enforce', 'validate', relation, 'foreign key to users, for every row',
        format('alter table public.%I validate constraint %I', relation, name)
      from tenant_key where validated is not true
      union all
      select 10, 'enforce', 'check', relation, 'limits of length and form', format(
        'alter table public.%I add constraint %I check (%s) not valid', relation, relation || '_limits', condition)
      from limits l
      join known using (relation)
      where not exists (select from held h where (h.relation, h.name) = (l.relation, l.relation || '_limits'))
      union all
      select 11, 'enforce', 'validate limits', relation, 'limits of length and form, for every row',
        format('alter table public.%I validate constraint %I', relation, relation || '_limits')
      from limits l
      join known using (relation)
      where not exists (select from held h where (h.relation, h.name, h.validated) = (l.relation, l.relation || '_limits', true))
    ) step(place, phase, kind, relation, words, statement)
    order by place, relation
    -- } lacking
  loop
    if step.phase = 'apply' or current_setting('mako.enforce', true) = 'on'
      or format('public.%I', step.relation)::regclass = any (fresh) then
      execute step.statement;
    end if;
  end loop;
end $do$;

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
comment on column public.webhook_endpoints.created_at is 'When the row was made';
comment on column public.webhook_endpoints.updated_at is 'When it was changed last';
