-- policies/contacts.sql: the address book.
-- A user reads, adds, changes and removes their own rows, and can neither see nor reach another's.
-- One transaction, idempotent: paste it as often as you like, after 00_claims.sql.
begin;
set local lock_timeout = '5s';

select mako.prepare_table('public.contacts');

alter table public.contacts enable row level security, force row level security;
-- Rights come first: TRUNCATE, REFERENCES and columns are beyond what a policy can decide.
revoke all on public.contacts from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
grant select, delete on public.contacts to authenticated;
-- Not id (one that exists elsewhere would answer 23505); and a row never changes its tenant, nor when it was made.
grant insert (user_id, first_name, last_name, email, phone, company, job_position, status, notes, plan,
  appointment_date, business_name, business_position, created_at, updated_at) on public.contacts to authenticated;
grant update (first_name, last_name, email, phone, company, job_position, status, notes, plan,
  appointment_date, business_name, business_position, updated_at) on public.contacts to authenticated;
grant select, insert, update, delete on public.contacts to service_role;

drop policy if exists tenant_reads_own on public.contacts;
create policy tenant_reads_own on public.contacts for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_adds_own on public.contacts;
create policy tenant_adds_own on public.contacts for insert to authenticated
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_changes_own on public.contacts;
create policy tenant_changes_own on public.contacts for update to authenticated
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_removes_own on public.contacts;
create policy tenant_removes_own on public.contacts for delete to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_floor on public.contacts;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on public.contacts as restrictive for all to public
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));

commit;
