-- A function lets its caller be any user for what it does
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.as_user(uuid) function_reads_others leak

create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  n int not null default 0
);
create index on public.notes (user_id);
alter table public.notes enable row level security;
create policy reads on public.notes for select to authenticated using (user_id = (select auth.uid()));
create policy adds on public.notes for insert to authenticated with check (user_id = (select auth.uid()));
create policy changes on public.notes for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy removes on public.notes for delete to authenticated using (user_id = (select auth.uid()));
create function public.as_user(who uuid) returns bigint language plpgsql as $$ declare n bigint; begin perform set_config('request.jwt.claims', json_build_object('sub', who, 'role', 'authenticated')::text, true); select count(*) into n from public.notes; return n; end $$;
