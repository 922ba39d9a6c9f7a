-- Scenarios hand dates on without a zone: the tenant says once, for the endpoint, which one is meant.

alter table public.webhook_endpoints
  add column if not exists timezone text not null default 'UTC' check (length(timezone) between 1 and 64);
comment on column public.webhook_endpoints.timezone is 'Which zone dates without one are in: a name of the IANA database';
