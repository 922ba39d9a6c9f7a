-- policies/event_subscriptions.sql: addresses that a tenant wants events sent to.
-- A user sees and removes them; only the service, which seals the secret and has looked at the address, writes one.
-- One transaction, idempotent: paste it as often as you like, after 00_claims.sql and the migrations.
begin;
set local lock_timeout = '5s';

select mako.prepare_table('mako.event_subscriptions');

alter table mako.event_subscriptions enable row level security, force row level security;
-- Rights come first: TRUNCATE, REFERENCES and columns are beyond what a policy can decide.
revoke all on mako.event_subscriptions from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
grant select (id, user_id, url, description, event_types, previous_secret_expires_at, status, disabled_reason, failing_since,
    created_at, updated_at), delete
  on mako.event_subscriptions to authenticated;
grant select, insert (id, user_id, url, description, event_types, sealed_secret),
  update (url, description, event_types, sealed_secret, previous_secret_expires_at, status, disabled_reason, failing_since, updated_at)
  on mako.event_subscriptions to mako_sealer;
-- For the functions of events.sql and event_deliveries.sql, and for mako.sealing_keys_in_use().
grant select (id, user_id, event_types, sealed_by, status, failing_since), update (status, disabled_reason, failing_since)
  on mako.event_subscriptions to mako_definer;

drop policy if exists tenant_reads_own on mako.event_subscriptions;
create policy tenant_reads_own on mako.event_subscriptions for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_removes_own on mako.event_subscriptions;
create policy tenant_removes_own on mako.event_subscriptions for delete to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists sealer_reads_own on mako.event_subscriptions;
create policy sealer_reads_own on mako.event_subscriptions for select to mako_sealer
  using (user_id = (select mako.current_user_id()));
drop policy if exists sealer_adds_own on mako.event_subscriptions;
create policy sealer_adds_own on mako.event_subscriptions for insert to mako_sealer
  with check (user_id = (select mako.current_user_id()));
drop policy if exists sealer_changes_own on mako.event_subscriptions;
create policy sealer_changes_own on mako.event_subscriptions for update to mako_sealer
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));
drop policy if exists definer_finds on mako.event_subscriptions;
create policy definer_finds on mako.event_subscriptions for select to mako_definer
  using (true);
drop policy if exists definer_notes on mako.event_subscriptions;
create policy definer_notes on mako.event_subscriptions for update to mako_definer
  using (true)
  with check (true); -- how deliveries went, whosever they are
drop policy if exists tenant_floor on mako.event_subscriptions;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on mako.event_subscriptions as restrictive for all to public
  using (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer')
  with check (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer');
drop policy if exists trusted_clients_only on mako.event_subscriptions;
-- An app that the user let in doesn't get at what outlives its own token. What it writes is told of like anybody's.
create policy trusted_clients_only on mako.event_subscriptions as restrictive for all to public
  using ((select current_user) = 'mako_definer' or (select mako.client_is_trusted()))
  with check ((select current_user) = 'mako_definer' or (select mako.client_is_trusted()));

commit;
