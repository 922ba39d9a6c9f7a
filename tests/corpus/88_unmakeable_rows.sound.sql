-- No row can be made, since a trigger refuses all; those that are there are read (the correct twin)
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
insert into auth.users (id) values ('00000000-0000-4000-8000-000000000001');
insert into public.notes (user_id, title) values ('00000000-0000-4000-8000-000000000001', 'old');
alter table public.notes enable row level security;
create function public.closed() returns trigger language plpgsql as $$ begin raise exception 'closed'; end $$;
create trigger closed before insert on public.notes for each row execute function public.closed();
revoke insert on public.notes from anon, authenticated;
create policy reads on public.notes for select to authenticated using (user_id = (select auth.uid()));
create policy adds on public.notes for insert to authenticated with check (user_id = (select auth.uid()));
create policy changes on public.notes for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy removes on public.notes for delete to authenticated using (user_id = (select auth.uid()));
