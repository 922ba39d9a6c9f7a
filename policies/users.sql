-- policies/users.sql: the tenants themselves.
-- A user reads their own row, without the password, and names their business; nothing else.
-- One transaction, idempotent: paste it as often as you like, after 00_claims.sql.
begin;
set local lock_timeout = '5s';

select mako.prepare_table('public.users');

alter table public.users enable row level security, force row level security;
-- Rights come first: TRUNCATE, REFERENCES and columns are beyond what a policy can decide.
revoke all on public.users from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
grant select (id, email, business_name, role, email_verified, created_at, updated_at) on public.users to authenticated;
grant update (business_name) on public.users to authenticated;
grant select, insert, update, delete on public.users to service_role;
-- mako.ensure_user() makes the caller's row.
grant select (id), insert (id, email, password) on public.users to mako_definer;

drop policy if exists tenant_reads_own on public.users;
create policy tenant_reads_own on public.users for select to authenticated
  using (id = (select mako.current_user_id()));
drop policy if exists tenant_changes_own on public.users;
create policy tenant_changes_own on public.users for update to authenticated
  using (id = (select mako.current_user_id()))
  with check (id = (select mako.current_user_id()));
drop policy if exists definer_looks_up on public.users;
create policy definer_looks_up on public.users for select to mako_definer
  using (id = (select mako.current_user_id()));
drop policy if exists definer_adds on public.users;
create policy definer_adds on public.users for insert to mako_definer
  with check (id = (select mako.current_user_id()));
drop policy if exists tenant_floor on public.users;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on public.users as restrictive for all to public
  using (id = (select mako.current_user_id()))
  with check (id = (select mako.current_user_id()));

-- Tokens outlive their users. On users alone, which Citus keeps as a reference table, a trigger is allowed.
drop trigger if exists remember_deleted_user on public.users;
create trigger remember_deleted_user after delete on public.users
  for each row execute function mako.remember_deleted_user();

commit;
