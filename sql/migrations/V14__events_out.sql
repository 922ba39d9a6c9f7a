-- Tenants hear of what happens to their rows, at addresses of their own: who wants to be told, what is to be told, and how
-- each attempt went. policies/events.sql writes the deliveries, policies/event_deliveries.sql hands them out.

create table if not exists mako.event_subscriptions (
  user_id text not null references public.users (id) on delete cascade,
  id text not null check (length(id) <= 100),
  url text not null check (length(url) between 1 and 2048),
  description text check (length(description) <= 500),
  event_types text[] check (cardinality(event_types) between 1 and 50),
  sealed_secret text not null check (length(sealed_secret) <= 16384),
  sealed_by text generated always as (
    case when sealed_secret collate "C" ~ '^A[Q-Za-f][A-Za-z0-9+/]{42,}={0,2}$'
      then encode(substr(decode(left(sealed_secret, 8), 'base64'), 2, 4), 'hex')
    end
  ) stored,
  previous_secret_expires_at timestamptz,
  status text not null default 'active' check (status in ('active', 'disabled')),
  disabled_reason text check (disabled_reason in ('owner', 'gone', 'failing')),
  failing_since timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_id, id)
);
create index if not exists event_subscriptions_sealed_by on mako.event_subscriptions (sealed_by);
comment on table mako.event_subscriptions is 'Addresses that tenants want events sent to';
comment on column mako.event_subscriptions.user_id is 'Tenant';
comment on column mako.event_subscriptions.id is 'Made by the service: the secret is sealed to it';
comment on column mako.event_subscriptions.url is 'Where events are sent';
comment on column mako.event_subscriptions.description is 'What the tenant calls it';
comment on column mako.event_subscriptions.event_types is 'Which events: lead.created, …; null is all, later ones included';
comment on column mako.event_subscriptions.sealed_secret is 'What deliveries are signed with, and what they were signed with before it was changed (sealed)';
comment on column mako.event_subscriptions.sealed_by is 'Id of the master key that sealed sealed_secret';
comment on column mako.event_subscriptions.previous_secret_expires_at is 'Until when deliveries are signed with the secret before as well';
comment on column mako.event_subscriptions.status is 'active, or disabled: nothing is recorded for it or sent to it';
comment on column mako.event_subscriptions.disabled_reason is 'owner, gone (the receiver answered 410) or failing (nothing but failures for five days)';
comment on column mako.event_subscriptions.failing_since is 'Since when it has been failing, without a success';
comment on column mako.event_subscriptions.created_at is 'When the row was made';
comment on column mako.event_subscriptions.updated_at is 'When the tenant changed it last';

create table if not exists mako.event_deliveries (
  user_id text not null,
  id text not null default gen_random_uuid()::text,
  subscription_id text not null,
  event_type text not null,
  row_id text not null,
  changed text[],
  is_test boolean not null default false,
  sequence bigint generated always as identity,
  status text not null default 'pending' check (status in ('pending', 'failed', 'delivered', 'dead', 'withheld')),
  attempts int not null default 0,
  next_attempt_at timestamptz not null default now(),
  leased_until timestamptz,
  last_error text check (length(last_error) <= 200),
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (user_id, id),
  foreign key (user_id, subscription_id) references mako.event_subscriptions (user_id, id) on delete cascade
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
-- Lists: newest first, all of a tenant's or of one subscription.
create index if not exists event_deliveries_newest on mako.event_deliveries (user_id, created_at desc, id desc);
create index if not exists event_deliveries_of_subscription
  on mako.event_deliveries (user_id, subscription_id, created_at, id);
-- What is to be done is found in indexes that hold nothing else, however much was done before. A lease is in none of them,
-- so that taking a delivery changes no index.
create index if not exists event_deliveries_due on mako.event_deliveries (user_id, subscription_id, next_attempt_at, sequence)
  where status in ('pending', 'failed');
create index if not exists event_deliveries_of_row on mako.event_deliveries (user_id, subscription_id, row_id, sequence)
  where status in ('pending', 'failed');
create index if not exists event_deliveries_finished on mako.event_deliveries (finished_at) where finished_at is not null;
comment on table mako.event_deliveries is 'What is to be told to whom, written in the transaction that it tells of';
comment on column mako.event_deliveries.user_id is 'Tenant';
comment on column mako.event_deliveries.id is 'Sent as webhook-id, the same at each attempt';
comment on column mako.event_deliveries.subscription_id is 'To whom';
comment on column mako.event_deliveries.event_type is 'What happened: lead.created, …';
comment on column mako.event_deliveries.row_id is 'To which row; it is read when it is sent';
comment on column mako.event_deliveries.changed is 'Which columns an update changed';
comment on column mako.event_deliveries.is_test is 'Whether a sample is sent, and no row';
comment on column mako.event_deliveries.sequence is 'In which order what happened to a row is told';
comment on column mako.event_deliveries.status is 'pending, failed (it will be tried again), delivered, dead, or withheld: the tenant no longer sees the row';
comment on column mako.event_deliveries.attempts is 'How often it was sent';
comment on column mako.event_deliveries.next_attempt_at is 'From when on it may be sent';
comment on column mako.event_deliveries.leased_until is 'Until when it is somebody''s to send';
comment on column mako.event_deliveries.last_error is 'What went wrong last, in our words';
comment on column mako.event_deliveries.finished_at is 'When nothing was left to do';
comment on column mako.event_deliveries.created_at is 'When it happened';

create table if not exists mako.event_attempts (
  user_id text not null,
  delivery_id text not null,
  attempted_at timestamptz not null,
  duration_ms int not null,
  status_code int,
  error text check (length(error) <= 200),
  response_start text check (length(response_start) <= 2048),
  primary key (user_id, delivery_id, attempted_at),
  foreign key (user_id, delivery_id) references mako.event_deliveries (user_id, id) on delete cascade
);
comment on table mako.event_attempts is 'How each attempt to deliver went';
comment on column mako.event_attempts.user_id is 'Tenant';
comment on column mako.event_attempts.delivery_id is 'Which delivery';
comment on column mako.event_attempts.attempted_at is 'When it began';
comment on column mako.event_attempts.duration_ms is 'How long it took';
comment on column mako.event_attempts.status_code is 'What the receiver answered, if it did';
comment on column mako.event_attempts.error is 'What went wrong, in our words';
comment on column mako.event_attempts.response_start is 'How the receiver''s answer began, for the tenant to read';
