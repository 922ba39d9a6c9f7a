-- policies/user_phone_numbers.sql: which tenant does a number belong to?
-- A user claims, labels and releases numbers; only an admin or the provider makes one verified.
-- One transaction, idempotent: paste it as often as you like, after 00_claims.sql.
begin;
set local lock_timeout = '5s';

select mako.prepare_table('public.user_phone_numbers');

alter table public.user_phone_numbers enable row level security, force row level security;
-- Rights come first: TRUNCATE, REFERENCES and columns are beyond what a policy can decide.
revoke all on public.user_phone_numbers from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
grant select, delete on public.user_phone_numbers to authenticated;
-- Not verified_at: an unverified number routes nothing.
grant insert (user_id, phone, provider, label), update (label) on public.user_phone_numbers to authenticated;
grant select, insert, update, delete on public.user_phone_numbers to service_role;
-- For mako.record_event(), which finds a number's owner, and mako.confirm_number().
grant select (id, user_id, phone, verified_at), update (verified_at) on public.user_phone_numbers to mako_definer;

drop policy if exists tenant_reads_own on public.user_phone_numbers;
create policy tenant_reads_own on public.user_phone_numbers for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_adds_own on public.user_phone_numbers;
create policy tenant_adds_own on public.user_phone_numbers for insert to authenticated
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_changes_own on public.user_phone_numbers;
create policy tenant_changes_own on public.user_phone_numbers for update to authenticated
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_removes_own on public.user_phone_numbers;
create policy tenant_removes_own on public.user_phone_numbers for delete to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists definer_finds on public.user_phone_numbers;
create policy definer_finds on public.user_phone_numbers for select to mako_definer
  using (true);
drop policy if exists definer_confirms on public.user_phone_numbers;
create policy definer_confirms on public.user_phone_numbers for update to mako_definer
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_floor on public.user_phone_numbers;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on public.user_phone_numbers as restrictive for all to public
  using (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer')
  with check (user_id = (select mako.current_user_id()));
drop policy if exists trusted_clients_claim on public.user_phone_numbers;
-- An app that the user let in sees the numbers, and changes nothing about whose events come in.
create policy trusted_clients_claim on public.user_phone_numbers as restrictive for insert to public
  with check ((select mako.client_is_trusted()));
drop policy if exists trusted_clients_change on public.user_phone_numbers;
create policy trusted_clients_change on public.user_phone_numbers as restrictive for update to public
  using ((select mako.client_is_trusted()))
  with check ((select mako.client_is_trusted()));
drop policy if exists trusted_clients_release on public.user_phone_numbers;
create policy trusted_clients_release on public.user_phone_numbers as restrictive for delete to public
  using ((select mako.client_is_trusted()));

commit;
