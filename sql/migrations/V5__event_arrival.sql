-- An event counts from its arrival: one that waited in a spool is recorded later than it came.

alter table public.webhook_events
  add column if not exists recorded_at timestamptz not null default now();
comment on column public.webhook_events.created_at is 'When it arrived: before it was recorded, if it waited in a spool';
comment on column public.webhook_events.recorded_at is 'When it was recorded; how long it waits to be acted on counts from here';

comment on column public.leads.updated_at is 'When it was changed last, by an event: when that arrived. Set by the statement, there is no trigger';
