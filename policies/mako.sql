-- policies/mako.sql: the service's own tables in the schema mako, under the same rule as everybody's.
-- Idempotency keys, import marks and begun authorisations are the tenant's own rows; tombstones and ledgers are nobody's but the owner's.
-- One transaction, idempotent: paste it as often as you like, after 00_claims.sql and the migrations.
begin;
set local lock_timeout = '5s';

select mako.prepare_table('mako.idempotency_keys');

-- mako.idempotency_keys: which row did this key make?
alter table mako.idempotency_keys enable row level security, force row level security;
revoke all on mako.idempotency_keys from public, anon, authenticated, service_role;
grant select, insert (user_id, resource, key, row_id) on mako.idempotency_keys to authenticated;
drop policy if exists tenant_reads_own on mako.idempotency_keys;
create policy tenant_reads_own on mako.idempotency_keys for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_adds_own on mako.idempotency_keys;
create policy tenant_adds_own on mako.idempotency_keys for insert to authenticated
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_floor on mako.idempotency_keys;
create policy tenant_floor on mako.idempotency_keys as restrictive for all to public
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));

-- mako.contact_imports: which contact did this object of a browser become?
alter table mako.contact_imports enable row level security, force row level security;
revoke all on mako.contact_imports from public, anon, authenticated, service_role;
grant select, delete, insert (user_id, import_id, contact_id, digest), update (digest, imported_at)
  on mako.contact_imports to authenticated;
drop policy if exists tenant_reads_own on mako.contact_imports;
create policy tenant_reads_own on mako.contact_imports for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_adds_own on mako.contact_imports;
create policy tenant_adds_own on mako.contact_imports for insert to authenticated
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_changes_own on mako.contact_imports;
create policy tenant_changes_own on mako.contact_imports for update to authenticated
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_removes_own on mako.contact_imports;
create policy tenant_removes_own on mako.contact_imports for delete to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_floor on mako.contact_imports;
create policy tenant_floor on mako.contact_imports as restrictive for all to public
  using (user_id = (select mako.current_user_id()))
  -- Only one's own contact, as row-level security shows it: a foreign key would tell another's from none.
  with check (user_id = (select mako.current_user_id())
    and exists (select from public.contacts c where c.id = contact_id));

-- mako.provider_objects: which row did this call or message become?
alter table mako.provider_objects enable row level security, force row level security;
revoke all on mako.provider_objects from public, anon, authenticated, service_role;
grant select, insert (user_id, kind, provider_id, row_id, rank), update (row_id, rank) on mako.provider_objects to authenticated;
drop policy if exists tenant_reads_own on mako.provider_objects;
create policy tenant_reads_own on mako.provider_objects for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_adds_own on mako.provider_objects;
create policy tenant_adds_own on mako.provider_objects for insert to authenticated
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_changes_own on mako.provider_objects;
create policy tenant_changes_own on mako.provider_objects for update to authenticated
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));
drop policy if exists tenant_floor on mako.provider_objects;
create policy tenant_floor on mako.provider_objects as restrictive for all to public
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));

-- mako.oauth_states: authorisations that users have begun at providers; the service alone begins and finishes one, as the user.
alter table mako.oauth_states enable row level security, force row level security;
revoke all on mako.oauth_states from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
-- Not authenticated: a state of one's own making would be an authorisation that nobody began here.
grant select, delete, insert (user_id, service_name, id, expires_at), update (id, expires_at) on mako.oauth_states to mako_sealer;

drop policy if exists sealer_reads_own on mako.oauth_states;
create policy sealer_reads_own on mako.oauth_states for select to mako_sealer
  using (user_id = (select mako.current_user_id()));
drop policy if exists sealer_adds_own on mako.oauth_states;
create policy sealer_adds_own on mako.oauth_states for insert to mako_sealer
  with check (user_id = (select mako.current_user_id()));
drop policy if exists sealer_changes_own on mako.oauth_states;
create policy sealer_changes_own on mako.oauth_states for update to mako_sealer
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));
drop policy if exists sealer_removes_own on mako.oauth_states;
create policy sealer_removes_own on mako.oauth_states for delete to mako_sealer
  using (user_id = (select mako.current_user_id()));
drop policy if exists tenant_floor on mako.oauth_states;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on mako.oauth_states as restrictive for all to public
  using (user_id = (select mako.current_user_id()))
  with check (user_id = (select mako.current_user_id()));
drop policy if exists trusted_clients_only on mako.oauth_states;
-- An app that the user let in doesn't get at what outlives its own token.
create policy trusted_clients_only on mako.oauth_states as restrictive for all to public
  using ((select mako.client_is_trusted()))
  with check ((select mako.client_is_trusted()));

-- mako.deleted_users: tombstones, for the definer's functions alone.
alter table mako.deleted_users enable row level security, force row level security;
revoke all on mako.deleted_users from public, anon, authenticated, service_role, mako_definer;
grant select (id), insert (id) on mako.deleted_users to mako_definer;
drop policy if exists definer_looks_up on mako.deleted_users;
create policy definer_looks_up on mako.deleted_users for select to mako_definer
  using (id = (select mako.current_user_id()));
drop policy if exists definer_remembers on mako.deleted_users;
create policy definer_remembers on mako.deleted_users for insert to mako_definer
  with check (true); -- the trigger is told the id by the row that is being deleted

-- mako.third_party_clients: for the definer's functions alone.
alter table mako.third_party_clients enable row level security, force row level security;
revoke all on mako.third_party_clients from public, anon, authenticated, service_role, mako_definer;
grant select (client_id), insert (client_id), delete on mako.third_party_clients to mako_definer;
drop policy if exists definer_keeps on mako.third_party_clients;
create policy definer_keeps on mako.third_party_clients for all to mako_definer
  using (true) with check (true); -- which apps are trusted is the same for every tenant

-- mako.schema_history: the ledger is the owner's; mako.schema_version() tells its newest entry.
do $$
begin
  if to_regclass('mako.schema_history') is not null then
    revoke all on mako.schema_history from public, anon, authenticated, service_role;
    grant select (version) on mako.schema_history to mako_definer;
  end if;
end $$;

commit;
