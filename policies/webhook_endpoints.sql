-- policies/webhook_endpoints.sql: a tenant's own webhook addresses.
-- A user sees and removes their endpoints; secrets and key hashes only mako_sealer reads and writes.
-- One transaction, idempotent: paste it as often as you like, after 00_claims.sql.
begin;
set local lock_timeout = '5s';

select mako.prepare_table('public.webhook_endpoints');

alter table public.webhook_endpoints enable row level security, force row level security;
-- Rights come first: TRUNCATE, REFERENCES and columns are beyond what a policy can decide.
revoke all on public.webhook_endpoints from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
grant select (id, user_id, source, auth, timezone, created_at, updated_at), delete
  on public.webhook_endpoints to authenticated;
grant select, delete, insert (user_id, source, endpoint_key_hash, sealed_secret, auth, timezone),
  update (endpoint_key_hash, sealed_secret, auth, timezone, updated_at) on public.webhook_endpoints to mako_sealer;
grant select, insert, update, delete on public.webhook_endpoints to service_role;
-- For mako.sealing_keys_in_use(), mako.endpoint_by_key() and mako.record_event().
grant select (id, user_id, source, endpoint_key_hash, sealed_secret, auth, timezone, sealed_by) on public.webhook_endpoints to mako_definer;

drop policy if exists tenant_reads_own on public.webhook_endpoints;
create policy tenant_reads_own on public.webhook_endpoints for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_removes_own on public.webhook_endpoints;
create policy tenant_removes_own on public.webhook_endpoints for delete to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists sealer_reads_own on public.webhook_endpoints;
create policy sealer_reads_own on public.webhook_endpoints for select to mako_sealer
  using (user_id = (select mako.current_user_id()));
drop policy if exists sealer_adds_own on public.webhook_endpoints;
create policy sealer_adds_own on public.webhook_endpoints for insert to mako_sealer
  with check (user_id = (select mako.current_user_id()));
drop policy if exists sealer_changes_own on public.webhook_endpoints;
create policy sealer_changes_own on public.webhook_endpoints for update to mako_sealer
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));
drop policy if exists sealer_removes_own on public.webhook_endpoints;
create policy sealer_removes_own on public.webhook_endpoints for delete to mako_sealer
  using (user_id = (select mako.current_user_id()));
drop policy if exists definer_finds on public.webhook_endpoints;
create policy definer_finds on public.webhook_endpoints for select to mako_definer
  using (true);
drop policy if exists tenant_floor on public.webhook_endpoints;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on public.webhook_endpoints as restrictive for all to public
  using (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer')
  with check (user_id = (select mako.current_user_id()));
drop policy if exists trusted_clients_only on public.webhook_endpoints;
-- An app that the user let in doesn't get at what outlives its own token.
create policy trusted_clients_only on public.webhook_endpoints as restrictive for all to public
  using ((select mako.client_is_trusted()))
  with check ((select mako.client_is_trusted()));

commit;
