-- Make, Zapier and scripts need a token that lasts longer than a session, may do less, and is revoked at once.

create table if not exists mako.access_tokens (
  id text primary key default gen_random_uuid()::text,
  user_id text not null references public.users (id) on delete cascade,
  name text not null check (length(name) between 1 and 200),
  scopes text[] not null check (cardinality(scopes) between 1 and 50),
  token_hash text not null unique check (length(token_hash) <= 200),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  created_at timestamptz not null default now(),
  check (expires_at <= created_at + interval '366 days')
);
create index if not exists access_tokens_newest on mako.access_tokens (user_id, created_at desc, id desc);
comment on table mako.access_tokens is 'Tokens of a tenant''s own, for what isn''t a browser';
comment on column mako.access_tokens.id is 'Made by the database';
comment on column mako.access_tokens.user_id is 'Tenant';
comment on column mako.access_tokens.name is 'What the tenant calls it';
comment on column mako.access_tokens.scopes is 'What it may do: leads:read, relay:hubspot, …';
comment on column mako.access_tokens.token_hash is 'Keyed fingerprint: neither the token nor a guess at it can be made of one';
comment on column mako.access_tokens.expires_at is 'Until when it is good; a year at most';
comment on column mako.access_tokens.last_used_at is 'When it was used last, to a minute';
comment on column mako.access_tokens.created_at is 'When the row was made';
