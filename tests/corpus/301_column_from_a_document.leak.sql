-- A generated column says whose a record is; a change of the document beneath gives the record away
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.records move_away leak

create table public.records (
  id bigint generated always as identity primary key,
  doc jsonb not null,
  user_id uuid generated always as ((doc ->> 'owner')::uuid) stored
);
create index on public.records (user_id);
alter table public.records enable row level security;
create policy r on public.records for select to authenticated using (user_id = (select auth.uid()));
create policy i on public.records for insert to authenticated with check (doc ->> 'owner' = (select auth.uid())::text);
create policy u on public.records for update to authenticated using (user_id = (select auth.uid())) with check (doc ? 'owner');
