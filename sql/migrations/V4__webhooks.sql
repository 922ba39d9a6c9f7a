-- What routing and effects of webhooks need to know.

alter table public.webhook_events
  add column if not exists tenant_numbers text[],
  add column if not exists call_id text,
  add column if not exists calls text[];
comment on column public.webhook_events.tenant_numbers is 'Numbers that may be the tenant''s, the surest first; an event waits for one of them to be assigned';
comment on column public.webhook_events.call_id is 'The provider''s id of the call that the event is about';
comment on column public.webhook_events.calls is 'Calls whose tenant is this event''s, where it names no number itself';
create index if not exists webhook_events_calls on public.webhook_events using gin (calls) where status = 'unrouted';
create index if not exists webhook_events_call on public.webhook_events (call_id) where call_id is not null;
create index if not exists webhook_events_full on public.webhook_events (created_at) where payload <> '{}';
create index if not exists webhook_events_waiting on public.webhook_events (created_at) where status in ('received', 'unrouted');

comment on column public.webhook_endpoints.sealed_secret is 'The key in the address and the secrets that deliveries are verified with (sealed)';
comment on column public.user_phone_numbers.verified_at is 'When an admin or the provider confirmed it; only then events are routed by it';

create table if not exists mako.provider_objects (
  user_id text not null references public.users (id) on delete cascade,
  kind text not null check (kind in ('call', 'call_log', 'message')),
  provider_id text not null check (length(provider_id) <= 200),
  row_id text not null,
  rank smallint not null default 0,
  primary key (user_id, kind, provider_id)
);
comment on table mako.provider_objects is 'Which row did a provider''s call or message become? Several events are about one';
comment on column mako.provider_objects.user_id is 'Tenant: ids of different tenants never meet';
comment on column mako.provider_objects.kind is 'call: call_logs; call_log, message: automation_logs';
comment on column mako.provider_objects.provider_id is 'The provider''s id, such as a CallSid';
comment on column mako.provider_objects.row_id is 'The row; it may be deleted since';
comment on column mako.provider_objects.rank is 'How far it had come; what arrives late never moves it back';
