-- A function over settings is declared IMMUTABLE: a plan remembers whom it was made for
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.notes prepared_statement_read leak

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create function public.me() returns uuid language plpgsql immutable as $$ begin return (current_setting('request.jwt.claims', true)::jsonb ->> 'sub')::uuid; end $$;
create policy r on public.notes for select to authenticated using (user_id = public.me());
