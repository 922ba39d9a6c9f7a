-- policies/leads.sql: people who may become customers.
-- A user reads, adds, changes and removes their own rows, and can neither see nor reach another's.
-- One transaction, idempotent: paste it as often as you like, after 00_claims.sql.
begin;
set local lock_timeout = '5s';

select mako.prepare_table('public.leads');

alter table public.leads enable row level security, force row level security;
-- Rights come first: TRUNCATE, REFERENCES and columns are beyond what a policy can decide.
revoke all on public.leads from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
grant select, delete on public.leads to authenticated;
-- Not id (one that exists elsewhere would answer 23505); and a row never changes its tenant, nor when it was made.
grant insert (user_id, name, phone, status, source, summary, ai_summary, sentiment,
  created_at, updated_at) on public.leads to authenticated;
grant update (name, phone, status, source, summary, ai_summary, sentiment, updated_at) on public.leads to authenticated;
grant select, insert, update, delete on public.leads to service_role;

drop policy if exists tenant_reads_own on public.leads;
create policy tenant_reads_own on public.leads for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_adds_own on public.leads;
create policy tenant_adds_own on public.leads for insert to authenticated
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_changes_own on public.leads;
create policy tenant_changes_own on public.leads for update to authenticated
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_removes_own on public.leads;
create policy tenant_removes_own on public.leads for delete to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_floor on public.leads;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on public.leads as restrictive for all to public
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));

commit;
