-- Who has used which key, when and for what: a tenant who wonders about a provider's bill, or about an app that they let in,
-- finds it here. Never a header, a body or a query.

create table if not exists mako.key_uses (
  id text not null default gen_random_uuid()::text,
  user_id text not null references public.users (id) on delete cascade,
  created_at timestamptz not null,
  service text not null check (length(service) between 1 and 100),
  method text not null check (length(method) between 1 and 20),
  host text not null check (length(host) <= 255),
  path text not null check (length(path) <= 300),
  status int,
  duration_ms int not null,
  bytes_out bigint not null,
  bytes_in bigint not null,
  client_id text,
  access_token_id text,
  service_token boolean not null,
  constraint key_uses_newest primary key (user_id, created_at, id)
);
create index if not exists key_uses_service on mako.key_uses (user_id, service, created_at, id);
comment on table mako.key_uses is 'Each use of a tenant''s sealed key at its provider; forgotten after RETENTION_DAYS';
comment on column mako.key_uses.id is 'Made by the database';
comment on column mako.key_uses.user_id is 'Tenant';
comment on column mako.key_uses.created_at is 'When the key was sent';
comment on column mako.key_uses.service is 'The provider, as in api_keys';
comment on column mako.key_uses.method is 'HTTP method';
comment on column mako.key_uses.host is 'Where the key was sent';
comment on column mako.key_uses.path is 'Without the query; a part that may be a secret or name a person is *';
comment on column mako.key_uses.status is 'What the provider answered; null if it didn''t';
comment on column mako.key_uses.duration_ms is 'Until its answer began, or failed to';
comment on column mako.key_uses.bytes_out is 'Of the body that was sent';
comment on column mako.key_uses.bytes_in is 'Of the body that came back, as far as it was read';
comment on column mako.key_uses.client_id is 'The app whose token was used, if it was one''s';
comment on column mako.key_uses.access_token_id is 'The tenant''s access token that was used, if it was one; it may be revoked since';
comment on column mako.key_uses.service_token is 'Whether a back end acted for the tenant';
