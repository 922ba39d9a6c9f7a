-- policies/events.sql: what happens to a tenant's rows is noted for whom they want to be told, whoever writes.
-- In the writer's transaction, a statement at a time, without a value: a delivery names the row, which is read when it is sent.
-- One transaction, idempotent: paste it as often as you like, after every other file.
begin;
set local lock_timeout = '5s';

do $$
begin
  if not has_table_privilege('mako_definer', 'mako.event_deliveries', 'select')
    or not has_column_privilege('mako_definer', 'mako.event_subscriptions', 'status', 'select') then
    raise exception 'the triggers could not write yet' using hint = 'Run event_subscriptions.sql and event_deliveries.sql first';
  end if;
end $$;

grant create on schema mako to mako_definer; -- for the moment that an owner needs it

-- Where nobody wants to be told, a statement costs one look into an index.
-- The triggers' arguments are event types. row_security: for sessions of owners, who turn it off to be told of it.
-- LATERAL and OFFSET hold the planner to going from the written rows to whom they concern: its plan is kept for a session,
-- and what it knew of either when it was made says nothing of the next statement.
create or replace function mako.capture_created() returns trigger
language plpgsql volatile security definer
set search_path = ''
set row_security = on
as $$
begin
  with told as materialized (
    select s.user_id, s.id
    from (select distinct n.user_id from new_rows n) w
    cross join lateral (
      select s.user_id, s.id
      from mako.event_subscriptions s
      where s.user_id = w.user_id and s.status = 'active' and (s.event_types is null or tg_argv[0] = any (s.event_types))
      offset 0
    ) s
  )
  insert into mako.event_deliveries (user_id, subscription_id, event_type, row_id)
  select t.user_id, t.id, tg_argv[0], n.id
  from told t
  join new_rows n on n.user_id = t.user_id;
  if found then
    perform pg_notify('mako_events', ''); -- that there is something to do, and nothing else
  end if;
  return null;
end $$;
comment on function mako.capture_created() is 'Notes whom to tell of rows that a statement has added';

create or replace function mako.capture_deleted() returns trigger
language plpgsql volatile security definer
set search_path = ''
set row_security = on
as $$
begin
  with told as materialized (
    select s.user_id, s.id
    from (select distinct o.user_id from old_rows o) w
    cross join lateral (
      select s.user_id, s.id
      from mako.event_subscriptions s
      where s.user_id = w.user_id and s.status = 'active' and (s.event_types is null or tg_argv[0] = any (s.event_types))
      offset 0
    ) s
  )
  insert into mako.event_deliveries (user_id, subscription_id, event_type, row_id)
  select t.user_id, t.id, tg_argv[0], o.id
  from told t
  join old_rows o on o.user_id = t.user_id;
  if found then
    perform pg_notify('mako_events', '');
  end if;
  return null;
end $$;
comment on function mako.capture_deleted() is 'Notes whom to tell of rows that a statement has deleted';

-- Arguments: the types of a change, of a row that is new to a tenant, of one that is gone; and the columns that are told of.
create or replace function mako.capture_updated() returns trigger
language plpgsql volatile security definer
set search_path = ''
set row_security = on
as $$
begin
  with told as materialized (
    select s.user_id, s.id, s.event_types
    from (select n.user_id from new_rows n union select o.user_id from old_rows o) w
    cross join lateral (
      select s.user_id, s.id, s.event_types
      from mako.event_subscriptions s
      where s.user_id = w.user_id and s.status = 'active'
      offset 0
    ) s
  ),
  -- Materialized: a row is made into JSON once, not once a column.
  written as materialized (
    select n.user_id, n.id, to_jsonb(n) as after, to_jsonb(o) as before
    from new_rows n
    left join old_rows o on o.id = n.id and o.user_id = n.user_id
    where n.user_id in (select t.user_id from told t)
  ),
  -- A row that changes hands is new to the one, and gone for the other.
  event as (
    select w.user_id, w.id, tg_argv[1] as event_type, null::text[] as changed
    from written w
    where w.before is null
    union all
    select w.user_id, w.id, tg_argv[0], array(
        select c.name
        from unnest(tg_argv[3]::text[]) with ordinality c (name, place)
        where w.before -> c.name is distinct from w.after -> c.name
        order by c.place
      )
    from written w
    where w.before is not null
    union all
    select o.user_id, o.id, tg_argv[2], null
    from old_rows o
    where o.user_id in (select t.user_id from told t)
      and not exists (select from new_rows n where n.id = o.id and n.user_id = o.user_id)
  )
  insert into mako.event_deliveries (user_id, subscription_id, event_type, row_id, changed)
  select t.user_id, t.id, e.event_type, e.id, e.changed
  from told t
  join event e on e.user_id = t.user_id
  where (t.event_types is null or e.event_type = any (t.event_types)) and e.event_type <> ''
    and (e.changed is null or cardinality(e.changed) > 0);
  if found then
    perform pg_notify('mako_events', '');
  end if;
  return null;
end $$;
comment on function mako.capture_updated() is 'Notes whom to tell of rows that a statement has changed, and of which columns';

-- A line of the automation log is a message if the dashboard counts it as one.
create or replace function mako.capture_messages() returns trigger
language plpgsql volatile security definer
set search_path = ''
set row_security = on
as $$
begin
  with message as materialized (
    select n.user_id, n.id
    from new_rows n
    where lower(n.action_type) in ('sms', 'mms', 'whatsapp', 'message', 'chat', 'email')
  ),
  told as materialized (
    select s.user_id, s.id
    from (select distinct m.user_id from message m) w
    cross join lateral (
      select s.user_id, s.id
      from mako.event_subscriptions s
      where s.user_id = w.user_id and s.status = 'active' and (s.event_types is null or tg_argv[0] = any (s.event_types))
      offset 0
    ) s
  )
  insert into mako.event_deliveries (user_id, subscription_id, event_type, row_id)
  select t.user_id, t.id, tg_argv[0], m.id
  from told t
  join message m on m.user_id = t.user_id;
  if found then
    perform pg_notify('mako_events', '');
  end if;
  return null;
end $$;
comment on function mako.capture_messages() is 'Notes whom to tell of messages that a statement has logged';

-- A row at a time, and only if its condition holds: a key is written at each use.
create or replace function mako.capture_connection_error() returns trigger
language plpgsql volatile security definer
set search_path = ''
set row_security = on
as $$
begin
  insert into mako.event_deliveries (user_id, subscription_id, event_type, row_id)
  select s.user_id, s.id, tg_argv[0], new.id
  from mako.event_subscriptions s
  where s.user_id = new.user_id and s.status = 'active' and (s.event_types is null or tg_argv[0] = any (s.event_types));
  if found then
    perform pg_notify('mako_events', '');
  end if;
  return null;
end $$;
comment on function mako.capture_connection_error() is 'Notes whom to tell that a provider refuses what connects to it';

do $$
declare
  capturing regprocedure;
  captured record;
begin
  foreach capturing in array array['mako.capture_created()', 'mako.capture_updated()', 'mako.capture_deleted()',
    'mako.capture_messages()', 'mako.capture_connection_error()']::regprocedure[] loop
    execute format('alter function %s owner to mako_definer', capturing);
    execute format('revoke all on function %s from public, anon, authenticated, service_role', capturing);
  end loop;
  for captured in
    select * from (values
      ('leads', 'lead.created', 'lead.updated', 'lead.deleted',
        '{name,phone,status,source,summary,ai_summary,sentiment}'),
      ('contacts', 'contact.created', 'contact.updated', 'contact.deleted',
        '{first_name,last_name,email,phone,company,job_position,status,notes,plan,appointment_date,business_name,business_position}'),
      ('call_logs', 'call.logged', 'call.updated', '', '{phone,recording_url,duration,sentiment,summary}')
    ) t (relation, created, updated, deleted, columns)
  loop
    execute format($sql$
      create or replace trigger capture_inserted after insert on public.%I
        referencing new table as new_rows for each statement execute function mako.capture_created(%L)
    $sql$, captured.relation, captured.created);
    execute format($sql$
      create or replace trigger capture_updated after update on public.%I
        referencing old table as old_rows new table as new_rows for each statement
        execute function mako.capture_updated(%L, %L, %L, %L)
    $sql$, captured.relation, captured.updated, captured.created, captured.deleted, captured.columns);
    if captured.deleted <> '' then
      execute format($sql$
        create or replace trigger capture_deleted after delete on public.%I
          referencing old table as old_rows for each statement execute function mako.capture_deleted(%L)
      $sql$, captured.relation, captured.deleted);
    end if;
  end loop;
end $$;
create or replace trigger capture_inserted after insert on public.automation_logs
  referencing new table as new_rows for each statement execute function mako.capture_messages('message.logged');
create or replace trigger capture_updated after update of last_error on public.api_keys
  for each row when (new.last_error is not null and new.last_error is distinct from old.last_error)
  execute function mako.capture_connection_error('connection.error');

revoke create on schema mako from mako_definer;
commit;
