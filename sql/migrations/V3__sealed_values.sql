-- Which master key sealed a value? Read from the value itself, so that it is right whoever wrote the row.
-- `mako keys` counts and finds rows by it; /ready compares it with the keys that the service was given.
-- A sealed value is standard base64 of version (1 byte, 01), key id (4), nonce (12), ciphertext, tag (16).

alter table public.api_keys add column if not exists sealed_by text generated always as (
  case when encrypted_key collate "C" ~ '^A[Q-Za-f][A-Za-z0-9+/]{42,}={0,2}$'
    then encode(substr(decode(left(encrypted_key, 8), 'base64'), 2, 4), 'hex')
  end
) stored;
comment on column public.api_keys.sealed_by is 'Id of the master key that sealed encrypted_key; null if it is in another format, such as the CRM''s own';
create index if not exists api_keys_sealed_by on public.api_keys (sealed_by);

alter table public.webhook_endpoints add column if not exists sealed_by text generated always as (
  case when sealed_secret collate "C" ~ '^A[Q-Za-f][A-Za-z0-9+/]{42,}={0,2}$'
    then encode(substr(decode(left(sealed_secret, 8), 'base64'), 2, 4), 'hex')
  end
) stored;
comment on column public.webhook_endpoints.sealed_by is 'Id of the master key that sealed sealed_secret';
create index if not exists webhook_endpoints_sealed_by on public.webhook_endpoints (sealed_by);
