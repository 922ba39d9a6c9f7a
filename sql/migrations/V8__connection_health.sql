-- A key that its provider refuses connects nothing: what the provider said last is kept beside it, so that one look tells.

alter table public.api_keys
  add column if not exists last_ok_at timestamptz,
  add column if not exists last_error text;
comment on column public.api_keys.last_ok_at is 'When the provider took the key last, to a minute';
comment on column public.api_keys.last_error is 'How the provider refused the key, if it did so last; never a word of its answer';
