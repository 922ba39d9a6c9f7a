-- policies/webhook_events.sql: what providers delivered.
-- A user reads the events that were routed to them; nobody writes here through the API.
-- One transaction, idempotent: paste it as often as you like, after 00_claims.sql.
begin;
set local lock_timeout = '5s';

select mako.prepare_table('public.webhook_events');

alter table public.webhook_events enable row level security, force row level security;
-- Rights come first: TRUNCATE, REFERENCES and columns are beyond what a policy can decide.
revoke all on public.webhook_events from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
grant select on public.webhook_events to authenticated;
grant select, insert, update, delete on public.webhook_events to service_role;
-- For the functions of 00_webhooks.sql, which record and route events that are nobody's yet.
grant select, insert (source, scope, dedupe_key, event_type, payload, user_id, status, tenant_numbers, call_id, calls,
  created_at),
  update (user_id, status, error_message, processed_at, attempts, payload) on public.webhook_events to mako_definer;

drop policy if exists tenant_reads_own on public.webhook_events;
create policy tenant_reads_own on public.webhook_events for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists definer_finds on public.webhook_events;
create policy definer_finds on public.webhook_events for select to mako_definer
  using (true);
drop policy if exists definer_records on public.webhook_events;
create policy definer_records on public.webhook_events for insert to mako_definer
  with check (true);
drop policy if exists definer_notes on public.webhook_events;
create policy definer_notes on public.webhook_events for update to mako_definer
  using (true)
  with check (true);
drop policy if exists tenant_floor on public.webhook_events;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on public.webhook_events as restrictive for all to public
  using (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer')
  with check (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer');

commit;
