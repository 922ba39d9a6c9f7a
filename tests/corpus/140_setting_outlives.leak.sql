-- A setting that a function leaves on the connection, and that a policy trusts
-- model: schemas = ["public"]
-- model: roles = ["anon", "authenticated"]
-- model: [tenant]
-- model: claim = "sub"
-- model: column = "user_id"
-- expect: public.choose_account(text) setting_outlives leak
-- expect: public.resume() setting_outlives leak

create function public.choose_account(account text) returns void language plpgsql as $$
begin
  perform set_config('app.account', account, false);
end $$;
create table public.ledger (
  id bigint generated always as identity primary key,
  user_id text not null,
  cents bigint not null
);
create index on public.ledger (user_id);
alter table public.ledger enable row level security;
create policy account on public.ledger to authenticated
  using (user_id = coalesce(nullif(current_setting('app.account', true), ''), (select auth.uid())::text))
  with check (user_id = (select auth.uid())::text);
-- It asks whose account it is, but the next user of the connection has it still.
create function public.resume() returns void language sql
  as $$ select set_config('app.account', (select auth.uid())::text, false) $$;
