-- policies/00_webhooks.sql: whose is an event, and what has become of it? The only way to write public.webhook_events.
-- Run sql/roles.sql and 00_claims.sql before it. Idempotent: paste it as often as you like.
-- mako_router records and finds; what is done for a user is finished as that user, whom the claims name.
begin;
set local lock_timeout = '5s';

do $$
begin
  if to_regrole('mako_definer') is null or to_regnamespace('mako') is null then
    raise exception 'the roles of Mako are missing' using hint = 'Run sql/roles.sql first';
  end if;
end $$;

grant create on schema mako to mako_definer; -- for the moment that an owner needs it

-- The endpoint behind an address, found by the hash of the key in it, with its settings.
create or replace function mako.endpoint_by_key(p_source text, p_key_hash text)
returns table (id text, user_id text, sealed_secret text, auth jsonb, timezone text)
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return query select e.id, e.user_id, e.sealed_secret, e.auth, e.timezone
    from public.webhook_endpoints e
    where e.source = p_source and e.endpoint_key_hash = p_key_hash;
end $$;
comment on function mako.endpoint_by_key(text, text) is 'The endpoint of this source whose address holds the key with this hash';
alter function mako.endpoint_by_key(text, text) owner to mako_definer;
revoke all on function mako.endpoint_by_key(text, text) from public, anon, authenticated, service_role;
grant execute on function mako.endpoint_by_key(text, text) to mako_router;

-- The same for a service that runs beside this version and knows no time zones.
create or replace function mako.find_endpoint(p_source text, p_key_hash text)
returns table (id text, user_id text, sealed_secret text, auth jsonb)
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return query select e.id, e.user_id, e.sealed_secret, e.auth
    from public.webhook_endpoints e
    where e.source = p_source and e.endpoint_key_hash = p_key_hash;
end $$;
comment on function mako.find_endpoint(text, text) is 'The endpoint of this source whose address holds the key with this hash';
alter function mako.find_endpoint(text, text) owner to mako_definer;
revoke all on function mako.find_endpoint(text, text) from public, anon, authenticated, service_role;
grant execute on function mako.find_endpoint(text, text) to mako_router;

-- Which addresses there are, so that a service knows them while the database is away. Hashes: no key can be made of one.
create or replace function mako.endpoint_keys(p_limit int) returns table (endpoint_key_hash text)
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return query select e.endpoint_key_hash from public.webhook_endpoints e where e.endpoint_key_hash is not null limit p_limit;
end $$;
comment on function mako.endpoint_keys(int) is 'Hashes of the keys in the addresses of endpoints';
alter function mako.endpoint_keys(int) owner to mako_definer;
revoke all on function mako.endpoint_keys(int) from public, anon, authenticated, service_role;
grant execute on function mako.endpoint_keys(int) to mako_router;

-- Records a verified delivery once. On a tenant's own endpoint it is the endpoint's owner's; on the platform's address
-- it is whose the call is that it belongs to, else the owner's of the first of its numbers that is verified.
-- It is dated from its arrival, which is never later than now.
create or replace function mako.record_event(
  p_source text, p_endpoint text, p_dedupe_key text, p_event_type text, p_payload jsonb,
  p_numbers text[], p_call_id text, p_calls text[], p_arrived_at timestamptz
) returns table (id text, user_id text, status text, is_new boolean)
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  in_scope constant text := coalesce(p_endpoint, 'platform');
  owner text;
begin
  -- What is about the same call is recorded one after the other, or a recording and its call, arriving at the same
  -- moment, would not see each other.
  if p_endpoint is null then
    perform pg_advisory_xact_lock(hashtextextended(p_source || ':' || call.name, 0))
    from (select distinct name from unnest(p_calls || p_call_id) name where name is not null order by name) call;
  end if;
  if p_endpoint is not null then
    owner := (select e.user_id from public.webhook_endpoints e where e.id = p_endpoint);
  else
    -- Only what came in on the platform's address tells whose a call is: on an endpoint of one's own one may sign
    -- anything, also for calls of others.
    owner := (
      select e.user_id
      from public.webhook_events e
      where e.call_id = any (p_calls) and e.source = p_source and e.scope = 'platform' and e.user_id is not null
      limit 1
    );
    -- What is about a call and names numbers of two tenants is nobody's until the call is known: either may be meant.
    owner := coalesce(owner, (
      select case when cardinality(p_calls) = 0 or count(distinct n.user_id) = 1
        then (array_agg(n.user_id order by candidate.place))[1] end
      from unnest(p_numbers) with ordinality as candidate (phone, place)
      join public.user_phone_numbers n on n.phone = candidate.phone and n.verified_at is not null
    ));
  end if;
  return query
    insert into public.webhook_events as e
      (source, scope, dedupe_key, event_type, payload, user_id, status, tenant_numbers, call_id, calls, created_at)
    values (p_source, in_scope, p_dedupe_key, p_event_type, p_payload, owner,
      case when owner is null then 'unrouted' else 'received' end, p_numbers, p_call_id, p_calls,
      least(p_arrived_at, now()))
    on conflict (source, scope, dedupe_key) do nothing
    returning e.id, e.user_id, e.status, true;
  if found then
    -- A recording or leg that came before its call is whose the call is.
    if owner is not null and p_endpoint is null and p_call_id is not null then
      update public.webhook_events e set user_id = owner, status = 'received'
      where e.status = 'unrouted' and e.user_id is null and e.source = p_source and e.scope = 'platform'
        and e.calls @> array[p_call_id];
    end if;
  else
    return query
      select e.id, e.user_id, e.status, false
      from public.webhook_events e
      where e.source = p_source and e.scope = in_scope and e.dedupe_key = p_dedupe_key;
  end if;
end $$;
comment on function mako.record_event(text, text, text, text, jsonb, text[], text, text[], timestamptz) is 'Records a verified delivery once, and says whose it is';
alter function mako.record_event(text, text, text, text, jsonb, text[], text, text[], timestamptz) owner to mako_definer;
revoke all on function mako.record_event(text, text, text, text, jsonb, text[], text, text[], timestamptz) from public, anon, authenticated, service_role;
grant execute on function mako.record_event(text, text, text, text, jsonb, text[], text, text[], timestamptz) to mako_router;

-- Several, in their order, in one transaction; answers as often. It waits for nobody: a lock that another transaction has
-- would keep all of them waiting, so that whoever calls records them one by one instead.
create or replace function mako.record_events(p_events jsonb)
returns table (id text, user_id text, status text, is_new boolean)
language plpgsql volatile security definer
set search_path = ''
set lock_timeout = '100ms'
as $$
declare
  event record;
begin
  -- The locks of all their calls, in the order in which a single one takes its own.
  perform pg_advisory_xact_lock(hashtextextended(call.source || ':' || call.name, 0))
  from (
    select distinct e.source, name
    from jsonb_to_recordset(p_events) as e (source text, endpoint text, call_id text, calls text[])
    cross join unnest(e.calls || e.call_id) name
    where e.endpoint is null and name is not null
    order by name, e.source
  ) call;
  for event in
    select e.*
    from jsonb_to_recordset(p_events) as e (source text, endpoint text, dedupe_key text, event_type text, payload jsonb,
      numbers text[], call_id text, calls text[], arrived_at timestamptz)
  loop
    return query
      select r.id, r.user_id, r.status, r.is_new
      from mako.record_event(event.source, event.endpoint, event.dedupe_key, event.event_type, event.payload, event.numbers,
        event.call_id, event.calls, event.arrived_at) r;
  end loop;
end $$;
comment on function mako.record_events(jsonb) is 'Records verified deliveries once each, in their order, and says whose they are';
alter function mako.record_events(jsonb) owner to mako_definer;
revoke all on function mako.record_events(jsonb) from public, anon, authenticated, service_role;
grant execute on function mako.record_events(jsonb) to mako_router;

-- The same for a service that runs beside this version and doesn't tell when a delivery arrived.
create or replace function mako.record_event(
  p_source text, p_endpoint text, p_dedupe_key text, p_event_type text, p_payload jsonb,
  p_numbers text[], p_call_id text, p_calls text[]
) returns table (id text, user_id text, status text, is_new boolean)
language sql volatile security definer
set search_path = ''
as $$
  select r.id, r.user_id, r.status, r.is_new
  from mako.record_event(p_source, p_endpoint, p_dedupe_key, p_event_type, p_payload, p_numbers, p_call_id, p_calls, now()) r
$$;
comment on function mako.record_event(text, text, text, text, jsonb, text[], text, text[]) is 'Records a verified delivery that arrives now';
alter function mako.record_event(text, text, text, text, jsonb, text[], text, text[]) owner to mako_definer;
revoke all on function mako.record_event(text, text, text, text, jsonb, text[], text, text[]) from public, anon, authenticated, service_role;
grant execute on function mako.record_event(text, text, text, text, jsonb, text[], text, text[]) to mako_router;

-- Recorded, routed, and not done: after a crash, a lost connection, or the assignment of a number.
create or replace function mako.waiting_events(p_age interval, p_limit int)
returns table (id text, user_id text, source text, payload jsonb)
language plpgsql stable security definer
set search_path = ''
as $$
begin
  -- By turns: each user's oldest first, then each one's second, so that nobody's many keep another's waiting.
  return query select w.id, w.user_id, w.source, w.payload
    from (
      select e.id, e.user_id, e.source, e.payload, e.created_at
        , row_number() over (partition by e.user_id order by e.created_at, e.id) as turn
      from public.webhook_events e
      -- Without a key it wasn't recorded here: an older handler's row proves nothing.
      where e.status = 'received' and e.user_id is not null and e.dedupe_key is not null
        -- One that waited in a spool arrived long before it was recorded. The first condition has an index.
        and e.created_at < now() - p_age and e.recorded_at < now() - p_age
    ) w
    order by w.turn, w.created_at, w.id
    limit p_limit;
end $$;
comment on function mako.waiting_events(interval, int) is 'Events that were recorded and routed but not processed, each user''s oldest first';
alter function mako.waiting_events(interval, int) owner to mako_definer;
revoke all on function mako.waiting_events(interval, int) from public, anon, authenticated, service_role;
grant execute on function mako.waiting_events(interval, int) to mako_router;

-- Empties payloads that are older than the retention period; the rows stay.
create or replace function mako.forget_payloads(p_age interval, p_limit int) returns int
language plpgsql volatile security definer
set search_path = ''
as $$
declare
  forgotten int;
begin
  with old as (
    select e.id from public.webhook_events e
    where e.created_at < now() - p_age and e.payload <> '{}'
    limit p_limit
    for update skip locked
  )
  update public.webhook_events e set payload = '{}' from old where e.id = old.id;
  get diagnostics forgotten = row_count;
  return forgotten;
end $$;
comment on function mako.forget_payloads(interval, int) is 'Empties the payloads of events that are older than this';
alter function mako.forget_payloads(interval, int) owner to mako_definer;
revoke all on function mako.forget_payloads(interval, int) from public, anon, authenticated, service_role;
grant execute on function mako.forget_payloads(interval, int) to mako_router;

-- Takes one of the caller's events to be processed: locked until the transaction ends, so that its effects happen once.
-- False if it is done or somebody else's; null if another transaction holds it and this one isn't to wait.
create or replace function mako.take_event(p_id text, p_wait boolean) returns boolean
language plpgsql volatile security definer
set search_path = ''
as $$
begin
  if not p_wait then
    perform from public.webhook_events e where e.id = p_id and e.user_id = mako.current_user_id() for update skip locked;
    if not found and exists (select from public.webhook_events e where e.id = p_id and e.user_id = mako.current_user_id()) then
      return null;
    end if;
  end if;
  update public.webhook_events e set attempts = e.attempts + 1
  where e.id = p_id and e.user_id = mako.current_user_id() and e.status in ('received', 'failed')
    and e.dedupe_key is not null;
  return found;
end $$;
comment on function mako.take_event(text, boolean) is 'Locks one of the caller''s events that is not done; false if it is done or somebody else''s, null if it is held';
alter function mako.take_event(text, boolean) owner to mako_definer;
revoke all on function mako.take_event(text, boolean) from public, anon, authenticated, service_role;
grant execute on function mako.take_event(text, boolean) to authenticated;

-- The same for a service that runs beside this version.
create or replace function mako.take_event(p_id text) returns boolean
language sql volatile security definer
set search_path = ''
as $$ select mako.take_event(p_id, true) $$;
comment on function mako.take_event(text) is 'Locks one of the caller''s events that is not done; false if it is done or somebody else''s';
alter function mako.take_event(text) owner to mako_definer;
revoke all on function mako.take_event(text) from public, anon, authenticated, service_role;
grant execute on function mako.take_event(text) to authenticated;

-- It is done: in the transaction of its effects, if it has any.
create or replace function mako.finish_event(p_id text, p_ignored boolean) returns boolean
language plpgsql volatile security definer
set search_path = ''
as $$
begin
  update public.webhook_events e
  set status = case when p_ignored then 'ignored' else 'processed' end
    , error_message = null
    , processed_at = now()
  where e.id = p_id and e.user_id = mako.current_user_id() and e.status in ('received', 'failed');
  return found;
end $$;
comment on function mako.finish_event(text, boolean) is 'Notes that one of the caller''s events is done, or that there was nothing to do';
alter function mako.finish_event(text, boolean) owner to mako_definer;
revoke all on function mako.finish_event(text, boolean) from public, anon, authenticated, service_role;
grant execute on function mako.finish_event(text, boolean) to authenticated;

-- It failed, after its effects were rolled back; it can be taken again.
create or replace function mako.fail_event(p_id text, p_reason text) returns boolean
language plpgsql volatile security definer
set search_path = ''
as $$
begin
  update public.webhook_events e
  set status = 'failed'
    , error_message = left(p_reason, 1000)
    , processed_at = null
    , attempts = e.attempts + 1
  where e.id = p_id and e.user_id = mako.current_user_id() and e.status in ('received', 'failed');
  return found;
end $$;
comment on function mako.fail_event(text, text) is 'Notes why one of the caller''s events failed';
alter function mako.fail_event(text, text) owner to mako_definer;
revoke all on function mako.fail_event(text, text) from public, anon, authenticated, service_role;
grant execute on function mako.fail_event(text, text) to authenticated;

-- The provider has confirmed that the number is the caller's. For mako_sealer, in whose hands the answer came.
create or replace function mako.confirm_number(p_id text) returns boolean
language plpgsql volatile security definer
set search_path = ''
as $$
begin
  update public.user_phone_numbers n set verified_at = coalesce(n.verified_at, now())
  where n.id = p_id and n.user_id = mako.current_user_id();
  return found;
end $$;
comment on function mako.confirm_number(text) is 'Marks one of the caller''s numbers as verified by its provider';
alter function mako.confirm_number(text) owner to mako_definer;
revoke all on function mako.confirm_number(text) from public, anon, authenticated, service_role;
grant execute on function mako.confirm_number(text) to mako_sealer;

revoke create on schema mako from mako_definer;
commit;
