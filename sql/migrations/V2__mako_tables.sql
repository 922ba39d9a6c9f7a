-- The service's own tables, in a schema that PostgREST does not expose.

create table if not exists mako.idempotency_keys (
  user_id text not null references public.users (id) on delete cascade,
  resource text not null,
  key text not null check (length(key) <= 255),
  row_id text not null,
  created_at timestamptz not null default now(),
  primary key (user_id, resource, key)
);
comment on table mako.idempotency_keys is 'Which row did a create with this Idempotency-Key make?';
comment on column mako.idempotency_keys.user_id is 'Tenant: keys of different users never meet';
comment on column mako.idempotency_keys.resource is 'Table of the row';
comment on column mako.idempotency_keys.key is 'The header, as the client sent it';
comment on column mako.idempotency_keys.row_id is 'The row that the first request made; it may be deleted since';
comment on column mako.idempotency_keys.created_at is 'When that was';

create table if not exists mako.contact_imports (
  user_id text not null references public.users (id) on delete cascade,
  import_id text not null check (length(import_id) <= 200),
  contact_id text not null references public.contacts (id) on delete cascade,
  digest text not null,
  imported_at timestamptz not null default now(),
  primary key (user_id, import_id, contact_id)
);
create index if not exists contact_imports_contact on mako.contact_imports (contact_id);
comment on table mako.contact_imports is 'Which contact did an object of a browser''s crm_contacts become?';
comment on column mako.contact_imports.user_id is 'Tenant';
comment on column mako.contact_imports.import_id is 'The id that the browser had given it; another browser may give it to somebody else';
comment on column mako.contact_imports.contact_id is 'The contact';
comment on column mako.contact_imports.digest is 'SHA-256 of the object as it was imported last';
comment on column mako.contact_imports.imported_at is 'When that was';
