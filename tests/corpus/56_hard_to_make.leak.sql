-- Rows that are hard to make: domains, enums, checks, generated and identity columns, exclusion
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.hard cross_tenant_read leak

create domain public.code as text check (value ~ '^[A-Z]{2}[0-9]{4}$');
create type public.level as enum ('owner', 'low', 'high');
create table public.hard (
  id bigint generated always as identity primary key,
  serial_no serial unique,
  user_id uuid not null references auth.users (id),
  code public.code not null unique,
  level public.level not null,
  email text not null check (email ~* '^[^@]+@[^@]+\.[a-z]+$'),
  starts date not null,
  ends date not null,
  kind text not null check (kind in ('percent', 'amount')),
  percent int check (percent between 1 and 100),
  amount numeric(6, 2),
  doubled numeric generated always as (amount * 2) stored,
  slots int4range not null,
  tags text[] not null check (cardinality(tags) between 1 and 3),
  config jsonb not null check (jsonb_typeof(config) = 'object'),
  short char(2) not null,
  check (starts < ends),
  check ((kind = 'percent') = (percent is not null)),
  check ((kind = 'amount') = (amount is not null)),
  exclude using gist (slots with &&)
);
create index on public.hard (user_id);
alter table public.hard enable row level security;
create policy r on public.hard for select using (level <> 'owner');
