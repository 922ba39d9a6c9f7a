-- Providers that give no lasting keys grant access for half an hour and renew it: how that stands is told without opening
-- what they granted, and one of several services renews it.

alter table public.api_keys
  add column if not exists oauth boolean not null default false,
  add column if not exists expires_at timestamptz,
  add column if not exists scopes text[],
  add column if not exists account text,
  add column if not exists refresh_at timestamptz,
  add column if not exists refresh_lease timestamptz,
  add column if not exists refresh_failures int not null default 0;
comment on column public.api_keys.oauth is 'Whether the sealed value is what a provider granted by OAuth, not a key that the user saved';
comment on column public.api_keys.expires_at is 'Until when the access token is good; null if its provider doesn''t say';
comment on column public.api_keys.scopes is 'What the provider says it granted';
comment on column public.api_keys.account is 'Which account of the provider''s it is, if the provider says so';
comment on column public.api_keys.refresh_at is 'From when on the access token is renewed; infinity: never again; null: when the provider refuses it';
comment on column public.api_keys.refresh_lease is 'Until when nobody else renews it';
comment on column public.api_keys.refresh_failures is 'How often the provider has failed to renew it, one after the other';

-- An authorisation that a user has begun and may finish once.
create table if not exists mako.oauth_states (
  user_id text not null references public.users (id) on delete cascade,
  service_name text not null check (length(service_name) between 1 and 100),
  id text not null check (length(id) between 1 and 100),
  expires_at timestamptz not null,
  primary key (user_id, service_name)
);
comment on table mako.oauth_states is 'Authorisations that users have begun at providers: the last one of each service';
comment on column mako.oauth_states.user_id is 'Tenant';
comment on column mako.oauth_states.service_name is 'The provider';
comment on column mako.oauth_states.id is 'The sealed state that comes back with the browser holds the same';
comment on column mako.oauth_states.expires_at is 'Until when it may be finished';
