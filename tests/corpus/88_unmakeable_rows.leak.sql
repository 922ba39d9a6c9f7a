-- No row can be made, since a trigger refuses all; those that are there are read
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.notes cross_tenant_read leak

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
insert into auth.users (id) values ('00000000-0000-4000-8000-000000000001');
insert into public.notes (user_id, title) values ('00000000-0000-4000-8000-000000000001', 'old');
alter table public.notes enable row level security;
create function public.closed() returns trigger language plpgsql as $$ begin raise exception 'closed'; end $$;
create trigger closed before insert on public.notes for each row execute function public.closed();
create policy r on public.notes for select using (title <> '');
