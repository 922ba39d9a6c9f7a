-- A trigger acts outside the database: nothing may be written to try it
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
create function public.tell() returns trigger language plpgsql as $$ begin perform dblink_exec('host=example.com', 'select 1'); return new; end $$;
create trigger tell after insert or update or delete on public.notes for each row execute function public.tell();
insert into auth.users (id) values ('00000000-0000-4000-8000-000000000001');
alter table public.notes disable trigger tell;
insert into public.notes (user_id, title) values ('00000000-0000-4000-8000-000000000001', 'old');
alter table public.notes enable trigger tell;
