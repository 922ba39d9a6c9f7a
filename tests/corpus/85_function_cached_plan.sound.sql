-- A function's own plan remembers whom it was made for (the correct twin)
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create function public.me() returns uuid language plpgsql stable as $$ begin return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid; end $$;
create function public.mine() returns setof public.notes language plpgsql stable security definer set search_path = '' as $$ begin return query select * from public.notes where user_id = public.me(); end $$;
