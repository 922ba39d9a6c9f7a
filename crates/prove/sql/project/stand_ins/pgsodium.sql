-- pgsodium: the table of keys. Its cryptography isn't stood in for: a migration that calls it is refused, and said to be.
create schema if not exists pgsodium;
create table pgsodium.key (
  id uuid primary key default gen_random_uuid(),
  status text default 'valid',
  created timestamptz not null default now(),
  expires timestamptz,
  key_type text,
  key_id bigint,
  key_context bytea,
  name text unique,
  associated_data text default ''
);
