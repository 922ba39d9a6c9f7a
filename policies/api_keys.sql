-- policies/api_keys.sql: keys for the tenants' accounts elsewhere.
-- A user sees which services are connected and disconnects them; the sealed key itself only mako_sealer reads.
-- One transaction, idempotent: paste it as often as you like, after 00_claims.sql.
begin;
set local lock_timeout = '5s';

select mako.prepare_table('public.api_keys');

alter table public.api_keys enable row level security, force row level security;
-- Rights come first: TRUNCATE, REFERENCES and columns are beyond what a policy can decide.
revoke all on public.api_keys from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
grant select (id, user_id, service_name, is_active, hint, last_used_at, last_ok_at, last_error, created_at, updated_at,
    oauth, expires_at, scopes, account, refresh_at), delete
  on public.api_keys to authenticated;
-- The service seals before it writes, so nobody else writes.
grant select, delete,
  insert (user_id, service_name, encrypted_key, key_hash, is_active, hint, oauth, expires_at, scopes, account, refresh_at),
  update (encrypted_key, key_hash, is_active, hint, last_used_at, last_ok_at, last_error, updated_at,
    oauth, expires_at, scopes, account, refresh_at, refresh_lease, refresh_failures)
  on public.api_keys to mako_sealer;
grant select, insert, update, delete on public.api_keys to service_role;
-- For mako.sealing_keys_in_use(): which master keys are needed, and nothing about whose values they seal.
grant select (sealed_by) on public.api_keys to mako_definer;

drop policy if exists tenant_reads_own on public.api_keys;
create policy tenant_reads_own on public.api_keys for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_removes_own on public.api_keys;
create policy tenant_removes_own on public.api_keys for delete to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists sealer_reads_own on public.api_keys;
create policy sealer_reads_own on public.api_keys for select to mako_sealer
  using (user_id = (select mako.current_user_id()));
drop policy if exists sealer_adds_own on public.api_keys;
create policy sealer_adds_own on public.api_keys for insert to mako_sealer
  with check (user_id = (select mako.current_user_id()));
drop policy if exists sealer_changes_own on public.api_keys;
create policy sealer_changes_own on public.api_keys for update to mako_sealer
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));
drop policy if exists sealer_removes_own on public.api_keys;
create policy sealer_removes_own on public.api_keys for delete to mako_sealer
  using (user_id = (select mako.current_user_id()));
drop policy if exists definer_counts_keys on public.api_keys;
create policy definer_counts_keys on public.api_keys for select to mako_definer
  using (true);
drop policy if exists tenant_floor on public.api_keys;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on public.api_keys as restrictive for all to public
  using (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer')
  with check (user_id = (select mako.current_user_id()));
drop policy if exists trusted_clients_only on public.api_keys;
-- An app that the user let in doesn't get at what outlives its own token.
create policy trusted_clients_only on public.api_keys as restrictive for all to public
  using ((select mako.client_is_trusted()))
  with check ((select mako.client_is_trusted()));

commit;
