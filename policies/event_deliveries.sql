-- policies/event_deliveries.sql: what is to be told to whom, and how each attempt went.
-- A user reads their own; functions alone write: events.sql what happens, those of this file what becomes of it.
-- One transaction, idempotent: paste it as often as you like, after 00_claims.sql and the migrations.
begin;
set local lock_timeout = '5s';

select mako.prepare_table('mako.event_deliveries'), mako.prepare_table('mako.event_attempts');

alter table mako.event_deliveries enable row level security, force row level security;
-- Rights come first: TRUNCATE, REFERENCES and columns are beyond what a policy can decide.
revoke all on mako.event_deliveries from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
grant select on mako.event_deliveries to authenticated, mako_sealer;
-- For the functions below and those of events.sql.
grant select, delete, insert (user_id, subscription_id, event_type, row_id, changed, is_test),
  update (status, attempts, next_attempt_at, leased_until, last_error, finished_at)
  on mako.event_deliveries to mako_definer;

drop policy if exists tenant_reads_own on mako.event_deliveries;
create policy tenant_reads_own on mako.event_deliveries for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists sealer_reads_own on mako.event_deliveries;
create policy sealer_reads_own on mako.event_deliveries for select to mako_sealer
  using (user_id = (select mako.current_user_id()));
drop policy if exists definer_delivers on mako.event_deliveries;
create policy definer_delivers on mako.event_deliveries for all to mako_definer
  using (true)
  with check (true); -- the triggers are told the user by the row that is being written
drop policy if exists tenant_floor on mako.event_deliveries;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on mako.event_deliveries as restrictive for all to public
  using (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer')
  with check (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer');
drop policy if exists trusted_clients_only on mako.event_deliveries;
-- An app that the user let in doesn't read what others told the user's receivers, and what those answered.
create policy trusted_clients_only on mako.event_deliveries as restrictive for all to public
  using ((select current_user) = 'mako_definer' or (select mako.client_is_trusted()))
  with check ((select current_user) = 'mako_definer' or (select mako.client_is_trusted()));

alter table mako.event_attempts enable row level security, force row level security;
revoke all on mako.event_attempts from public, anon, authenticated, service_role, mako_sealer, mako_router, mako_definer;
grant select on mako.event_attempts to authenticated;
grant select, insert on mako.event_attempts to mako_definer;

drop policy if exists tenant_reads_own on mako.event_attempts;
create policy tenant_reads_own on mako.event_attempts for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists definer_reads on mako.event_attempts;
create policy definer_reads on mako.event_attempts for select to mako_definer
  using (true);
drop policy if exists definer_records on mako.event_attempts;
create policy definer_records on mako.event_attempts for insert to mako_definer
  with check (true);
drop policy if exists tenant_floor on mako.event_attempts;
-- Under every other policy: a stray `using (true)` opens nothing.
create policy tenant_floor on mako.event_attempts as restrictive for all to public
  using (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer')
  with check (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer');
drop policy if exists trusted_clients_only on mako.event_attempts;
create policy trusted_clients_only on mako.event_attempts as restrictive for all to public
  using ((select current_user) = 'mako_definer' or (select mako.client_is_trusted()))
  with check ((select current_user) = 'mako_definer' or (select mako.client_is_trusted()));

grant create on schema mako to mako_definer; -- for the moment that an owner needs it

-- Gives out deliveries that are due, each for the length of a lease: whoever doesn't say in time what became of it has lost it
-- to the next. Ids and tenants only; what is sent is read as the tenant.
-- A tenant at a time, in turns that begin after p_after, so that it also runs where rows lie by tenant. A subscription is
-- served by one caller at a time and has p_per_subscription deliveries under way at most, a failing one a single one, a
-- tenant p_per_user: whoever answers slowly takes nobody else's place.
-- What happened to a row is told in order: a delivery waits for older ones of its row, until the receiver has failed twice.
-- A queue's statistics are those of its quiet hours, when the indexes of what waits are empty and look as if they cost nothing.
-- So plans aren't left to them: without sorting there is one index for each question, the one that has its order.
create or replace function mako.take_event_deliveries(
  p_after text, p_limit int, p_per_user int, p_per_subscription int, p_lease interval
) returns table (user_id text, id text, leased_until timestamptz)
language plpgsql volatile security definer
set search_path = ''
set row_security = on
set enable_sort = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  tenant text := p_after;
  wrapped boolean := p_after = '';
  room int := p_limit; -- of this call
  user_room int; -- of the tenant
  subscription record;
  given record;
begin
  -- A lease that is lost with the server is taken again.
  perform set_config('synchronous_commit', 'off', true);
  while room > 0 loop
    tenant := (
      select d.user_id from mako.event_deliveries d
      where d.status in ('pending', 'failed') and d.user_id > tenant and d.next_attempt_at <= now()
      order by d.user_id, d.subscription_id, d.status
      limit 1
    );
    if tenant is null or wrapped and p_after <> '' and tenant > p_after then
      exit when wrapped;
      wrapped := true;
      tenant := '';
      continue;
    end if;
    user_room := p_per_user;
    for subscription in
      select s.id, s.status, case when s.failing_since is null then p_per_subscription else 1 end as room
      from mako.event_subscriptions s
      where s.user_id = tenant
      order by s.id
      for no key update skip locked
    loop
      exit when room <= 0 or user_room <= 0;
      if subscription.status <> 'active' then
        perform mako.end_event_deliveries(tenant, subscription.id);
        continue;
      end if;
      given := mako.lease_event_deliveries(tenant, subscription.id, room, user_room, subscription.room, p_lease);
      room := room - cardinality(given.ids);
      user_room := user_room - cardinality(given.ids) - given.under_way;
      return query select tenant, unnest(given.ids), now() + p_lease;
    end loop;
  end loop;
end $$;

-- The due deliveries of one subscription that may be sent now, and how many are under way.
create or replace function mako.lease_event_deliveries(
  p_user text, p_subscription text, p_room int, p_user_room int, p_subscription_room int, p_lease interval,
  out ids text[], out under_way int
)
language plpgsql volatile security definer
set search_path = ''
set row_security = on
as $$
declare
  due text[];
begin
  -- The oldest of what is due, those under way among it. Not all of it, so that a long queue costs what a short one does.
  -- What has failed comes first: younger ones may wait for it, more of them than are looked at.
  with due as materialized (
    (
      select d.id, d.row_id, d.sequence, coalesce(d.leased_until > now(), false) as is_leased
      from mako.event_deliveries d
      where d.user_id = p_user and d.subscription_id = p_subscription and d.status = 'failed' and d.next_attempt_at <= now()
      order by d.next_attempt_at, d.sequence
      limit 300
    )
    union all
    (
      select d.id, d.row_id, d.sequence, coalesce(d.leased_until > now(), false)
      from mako.event_deliveries d
      where d.user_id = p_user and d.subscription_id = p_subscription and d.status = 'pending' and d.next_attempt_at <= now()
      order by d.next_attempt_at, d.sequence
      limit 300
    )
  ),
  leased as (
    select count(*)::int as many from due where is_leased
  )
  select leased.many, array(
    select due.id
    from due
    where not due.is_leased and due.sequence <= coalesce((
      select o.sequence
      from mako.event_deliveries o
      where o.user_id = p_user and o.subscription_id = p_subscription and o.row_id = due.row_id
        and o.status in ('pending', 'failed') and o.attempts < 2
      order by o.sequence
      limit 1
    ), due.sequence)
    limit greatest(least(p_room, p_user_room - leased.many, p_subscription_room - leased.many), 0)
  )
  into under_way, due
  from leased;
  with free as (
    select d.id, w.place
    from unnest(due) with ordinality w (id, place)
    join mako.event_deliveries d on d.user_id = p_user and d.id = w.id
    -- Not by its status: an index of what waits would do, and isn't by id.
    where d.finished_at is null and (d.leased_until is null or d.leased_until <= now())
    for update of d skip locked
  ),
  taken as (
    update mako.event_deliveries d
    set leased_until = now() + p_lease
    from free
    where d.user_id = p_user and d.id = free.id
    returning d.id, free.place
  )
  select coalesce(array_agg(taken.id order by taken.place), '{}') into ids from taken;
end $$;

-- What waits for a subscription that is off is sent no more; it can be sent again once that is on.
create or replace function mako.end_event_deliveries(p_user text, p_subscription text) returns void
language plpgsql volatile security definer
set search_path = ''
set row_security = on
as $$
begin
  update mako.event_deliveries d
  set status = 'dead', leased_until = null, finished_at = now(), last_error = 'the subscription is disabled'
  where d.user_id = p_user and d.id in (
    select w.id from mako.event_deliveries w
    where w.user_id = p_user and w.subscription_id = p_subscription and w.status in ('pending', 'failed')
      and (w.leased_until is null or w.leased_until <= now())
    limit 1000
    for update skip locked
  );
end $$;

-- What is still being sent stays the taker's for another lease; says what that is. One that somebody else has locked is
-- passed over this time: whoever removes many deliveries waits for none of these, nor these for them.
create or replace function mako.renew_event_leases(p_leases jsonb, p_lease interval)
returns table (user_id text, id text, leased_until timestamptz)
language plpgsql volatile security definer
set search_path = ''
set row_security = on
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  return query
    with held as (
      select d.user_id, d.id
      from jsonb_to_recordset(p_leases) l (user_id text, id text, leased_until timestamptz)
      join mako.event_deliveries d on d.user_id = l.user_id and d.id = l.id
      where d.leased_until = l.leased_until
      for no key update of d skip locked
    )
    update mako.event_deliveries d
    set leased_until = now() + p_lease
    from held
    where d.user_id = held.user_id and d.id = held.id
    returning d.user_id, d.id, d.leased_until;
end $$;

-- Notes what became of deliveries, whosever: only for whoever still has the lease, so that no answer counts twice.
-- p_results: [{user_id, id, leased_until, outcome, retry_in_seconds, attempted_at, duration_ms, status_code, error,
-- response_start}]; outcome is delivered, failed, dead, gone (dead, and so is the subscription), withheld, or released:
-- given back unsent.
-- Waits for nobody, or a user who is being removed would hold up everybody's: says which are to be noted again, since
-- somebody else has locked them or their subscription.
create or replace function mako.note_event_outcomes(p_results jsonb) returns table (user_id text, id text)
language plpgsql volatile security definer
set search_path = ''
set row_security = on
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  -- What is lost with the server is sent again; the receiver knows it by its id.
  perform set_config('synchronous_commit', 'off', true);
  return query
  with result as materialized (
    select r.*, d.subscription_id
    from jsonb_to_recordset(p_results) r (
      user_id text, id text, leased_until timestamptz, outcome text, retry_in_seconds float8, attempted_at timestamptz,
      duration_ms int, status_code int, error text, response_start text
    )
    join mako.event_deliveries d on d.user_id = r.user_id and d.id = r.id and d.leased_until = r.leased_until
  ),
  -- Most deliveries change nothing of their subscription.
  changing as materialized (
    select s.user_id, s.id, j.delivered, j.gone
    from (
      select r.user_id, r.subscription_id, bool_or(r.outcome = 'delivered') as delivered, bool_or(r.outcome = 'gone') as gone
      from result r
      where r.outcome in ('delivered', 'failed', 'dead', 'gone')
      group by r.user_id, r.subscription_id
    ) j
    join mako.event_subscriptions s on s.user_id = j.user_id and s.id = j.subscription_id
    where s.status = 'active'
      and (j.gone or j.delivered = (s.failing_since is not null) or s.failing_since < now() - interval '5 days')
  ),
  concerned as materialized (
    select s.user_id, s.id, c.delivered, c.gone
    from changing c
    join mako.event_subscriptions s on s.user_id = c.user_id and s.id = c.id
    for no key update of s skip locked
  ),
  free as materialized (
    select r.*
    from result r
    join mako.event_deliveries d on d.user_id = r.user_id and d.id = r.id
    where d.leased_until = r.leased_until
      and ((r.user_id, r.subscription_id) not in (select c.user_id, c.id from changing c)
        or (r.user_id, r.subscription_id) in (select c.user_id, c.id from concerned c))
    for no key update of d skip locked
  ),
  noted as (
    update mako.event_deliveries d
    set status = case f.outcome when 'gone' then 'dead' when 'released' then d.status else f.outcome end
      , attempts = d.attempts + case when f.outcome in ('withheld', 'released') then 0 else 1 end
      , next_attempt_at = case when f.outcome = 'failed' then now() + make_interval(secs => f.retry_in_seconds)
          else d.next_attempt_at end
      , leased_until = null
      , last_error = case when f.outcome = 'released' then d.last_error else left(f.error, 200) end
      , finished_at = case when f.outcome in ('delivered', 'dead', 'gone', 'withheld') then now() end
    from free f
    where d.user_id = f.user_id and d.id = f.id
    returning f.*
  ),
  recorded as (
    insert into mako.event_attempts
      (user_id, delivery_id, attempted_at, duration_ms, status_code, error, response_start)
    select n.user_id, n.id, n.attempted_at, n.duration_ms, n.status_code, left(n.error, 200), left(n.response_start, 2048)
    from noted n
    where n.outcome not in ('withheld', 'released')
    on conflict do nothing
  ),
  subscribed as (
    update mako.event_subscriptions s
    set failing_since = case when c.delivered then null else coalesce(s.failing_since, now()) end
      , status = case when c.gone or not c.delivered and s.failing_since < now() - interval '5 days' then 'disabled' else s.status end
      , disabled_reason = case when c.gone then 'gone'
          when not c.delivered and s.failing_since < now() - interval '5 days' then 'failing' end
    from concerned c
    where s.user_id = c.user_id and s.id = c.id and s.status = 'active'
  )
  select r.user_id, r.id
  from result r
  where (r.user_id, r.id) not in (select n.user_id, n.id from noted n);
end $$;
-- Its predecessor, which waited.
drop function if exists mako.finish_event_deliveries(jsonb);

-- One of the caller's deliveries is sent again, whatever became of it; null if there is none, false if it is under way or
-- its subscription is off.
create or replace function mako.retry_event_delivery(p_id text) returns boolean
language plpgsql volatile security definer
set search_path = ''
set row_security = on
as $$
begin
  if not mako.client_is_trusted() then
    return null;
  end if;
  update mako.event_deliveries d
  set status = 'pending', attempts = 0, next_attempt_at = now(), leased_until = null, finished_at = null
  from mako.event_subscriptions s
  where d.user_id = mako.current_user_id() and d.id = p_id and (d.leased_until is null or d.leased_until <= now())
    and s.user_id = d.user_id and s.id = d.subscription_id and s.status = 'active';
  if found then
    perform pg_notify('mako_events', '');
    return true;
  end if;
  return case when exists (select from mako.event_deliveries d where d.user_id = mako.current_user_id() and d.id = p_id)
    then false end;
end $$;

-- What the caller's subscription didn't get in a span of time is sent again, so many at a time; says how many.
create or replace function mako.retry_event_deliveries(
  p_subscription text, p_since timestamptz, p_until timestamptz, p_limit int
) returns int
language plpgsql volatile security definer
set search_path = ''
set row_security = on
as $$
declare
  retried int;
begin
  if not mako.client_is_trusted() then
    return 0;
  end if;
  update mako.event_deliveries d
  set status = 'pending', attempts = 0, next_attempt_at = now(), leased_until = null, finished_at = null
  where d.user_id = mako.current_user_id() and d.id in (
    select w.id from mako.event_deliveries w
    where w.user_id = mako.current_user_id() and w.subscription_id = p_subscription
      and w.created_at >= p_since and w.created_at < p_until
      and (w.status = 'dead' or w.status = 'failed' and w.next_attempt_at > now())
      and (w.leased_until is null or w.leased_until <= now())
    order by w.created_at
    limit p_limit
    for update skip locked
  );
  get diagnostics retried = row_count;
  if retried > 0 then
    perform pg_notify('mako_events', '');
  end if;
  return retried;
end $$;

-- Samples of these types are sent to the caller's subscription, whatever it asks for otherwise.
create or replace function mako.send_event_samples(p_subscription text, p_types text[]) returns setof text
language plpgsql volatile security definer
set search_path = ''
set row_security = on
as $$
begin
  if not mako.client_is_trusted() then
    return;
  end if;
  return query
    insert into mako.event_deliveries as d (user_id, subscription_id, event_type, row_id, is_test)
    select s.user_id, s.id, t.event_type, gen_random_uuid()::text, true
    from mako.event_subscriptions s
    cross join unnest(p_types) with ordinality t (event_type, place)
    where s.user_id = mako.current_user_id() and s.id = p_subscription and s.status = 'active'
    order by t.place
    returning d.id;
  if found then
    perform pg_notify('mako_events', '');
  end if;
end $$;

-- Switches one of the caller's subscriptions off and removes so many of its deliveries, the oldest first; says how many.
-- Whoever removes the subscription itself does so after these: all at once would take as long as it has been heard.
create or replace function mako.empty_event_subscription(p_subscription text, p_limit int) returns int
language plpgsql volatile security definer
set search_path = ''
set row_security = on
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  removed int;
begin
  if not mako.client_is_trusted() then
    return 0;
  end if;
  update mako.event_subscriptions s
  set status = 'disabled', disabled_reason = 'owner'
  where s.user_id = mako.current_user_id() and s.id = p_subscription and s.status = 'active';
  delete from mako.event_deliveries d
  where d.user_id = mako.current_user_id() and d.id in (
    select o.id from mako.event_deliveries o
    where o.user_id = mako.current_user_id() and o.subscription_id = p_subscription
    order by o.created_at, o.id
    limit p_limit
  );
  get diagnostics removed = row_count;
  return removed;
end $$;

-- Removes deliveries that were finished longer ago than the retention period, with their attempts.
create or replace function mako.forget_event_deliveries(p_age interval, p_limit int) returns int
language plpgsql volatile security definer
set search_path = ''
set row_security = on
as $$
declare
  forgotten int;
begin
  with old as (
    select d.user_id, d.id from mako.event_deliveries d
    where d.finished_at < now() - p_age
    limit p_limit
    for update skip locked
  )
  delete from mako.event_deliveries d using old where d.user_id = old.user_id and d.id = old.id;
  get diagnostics forgotten = row_count;
  return forgotten;
end $$;

-- How much waits to be sent, since when the longest that could be, and how much was ever captured; for measurements.
create or replace function mako.event_backlog(out waiting bigint, out due_since timestamptz)
language plpgsql stable security definer
set search_path = ''
set row_security = on
as $$
begin
  select count(*), min(d.next_attempt_at) filter (where d.next_attempt_at <= now())
  into waiting, due_since
  from mako.event_deliveries d
  where d.status in ('pending', 'failed');
end $$;

do $$
declare
  function record;
begin
  for function in
    select * from (values
      ('mako.take_event_deliveries(text, int, int, int, interval)', 'mako_router',
        'Gives out deliveries that are due, for the length of a lease'),
      ('mako.lease_event_deliveries(text, text, int, int, int, interval)', null,
        'Leases due deliveries of one subscription, and counts those under way'),
      ('mako.end_event_deliveries(text, text)', null, 'Ends what waits for a subscription that is off'),
      ('mako.renew_event_leases(jsonb, interval)', 'mako_router', 'Keeps what is still being sent the taker''s'),
      ('mako.note_event_outcomes(jsonb)', 'mako_router', 'Notes what became of deliveries'),
      ('mako.retry_event_delivery(text)', 'authenticated', 'Sends one of the caller''s deliveries again'),
      ('mako.retry_event_deliveries(text, timestamptz, timestamptz, int)', 'authenticated',
        'Sends again what the caller''s subscription didn''t get'),
      ('mako.send_event_samples(text, text[])', 'authenticated', 'Sends samples to the caller''s subscription'),
      ('mako.empty_event_subscription(text, int)', 'authenticated',
        'Switches one of the caller''s subscriptions off and removes deliveries of it'),
      ('mako.forget_event_deliveries(interval, int)', 'mako_router', 'Removes deliveries that are older than this'),
      ('mako.event_backlog()', 'mako_router', 'How many deliveries wait, and since when')
    ) f (signature, caller, about)
  loop
    execute format('comment on function %s is %L', function.signature, function.about);
    execute format('alter function %s owner to mako_definer', function.signature);
    execute format('revoke all on function %s from public, anon, authenticated, service_role', function.signature);
    if function.caller is not null then
      execute format('grant execute on function %s to %I', function.signature, function.caller);
    end if;
  end loop;
end $$;

revoke create on schema mako from mako_definer;
commit;
