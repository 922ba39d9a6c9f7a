-- policies/automation_logs.sql: what automations did.
-- A user reads, adds, changes and removes their own rows, and can neither see nor reach another's.
-- One transaction, idempotent: paste it as often as you like, after 00_claims.sql.
begin;
set local lock_timeout = '5s';

select mako.prepare_table('public.automation_logs');

alter table public.automation_logs enable row level security, force row level security;
-- Rights come first: TRUNCATE, REFERENCES and columns are beyond what a policy can decide.
revoke all on public.automation_logs from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
grant select, delete on public.automation_logs to authenticated;
-- Not id (one that exists elsewhere would answer 23505); and a row never changes its tenant, nor when it was made.
grant insert (user_id, action_type, status, details, created_at, updated_at) on public.automation_logs to authenticated;
grant update (action_type, status, details, updated_at) on public.automation_logs to authenticated;
grant select, insert, update, delete on public.automation_logs to service_role;

drop policy if exists tenant_reads_own on public.automation_logs;
create policy tenant_reads_own on public.automation_logs for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_adds_own on public.automation_logs;
create policy tenant_adds_own on public.automation_logs for insert to authenticated
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_changes_own on public.automation_logs;
create policy tenant_changes_own on public.automation_logs for update to authenticated
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_removes_own on public.automation_logs;
create policy tenant_removes_own on public.automation_logs for delete to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_floor on public.automation_logs;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on public.automation_logs as restrictive for all to public
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));

commit;
