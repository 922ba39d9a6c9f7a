-- policies/stats.sql: how many rows of each table has a user, by day, kind and status? Whoever writes rows adds lines.
-- No line is changed, so that no writer waits for another; mako.fold_stats() sums them up. After the tables' own files.
-- Two transactions: the right to read comes with the second, which counts what was there before. Paste it as often as you like.
begin;
set local lock_timeout = '5s';

do $$
begin
  perform mako.prepare_table('mako.stats');
  -- What was written while a trigger was away isn't counted: nobody reads until it is.
  if (select count(*) from pg_trigger where tgname ~ '^count_(inserted|updated|deleted|truncated)$'
    and tgrelid in ('public.leads'::regclass, 'public.contacts'::regclass, 'public.call_logs'::regclass,
      'public.automation_logs'::regclass, 'public.webhook_events'::regclass)) < 20 then
    revoke select on mako.stats from authenticated;
  end if;
end $$;

alter table mako.stats enable row level security, force row level security;
revoke all on mako.stats from public, anon, service_role, mako_sealer, mako_router, mako_definer;
revoke insert, update, delete, truncate, references, trigger on mako.stats from authenticated;
-- For the functions below.
grant select, insert, delete on mako.stats to mako_definer;

drop policy if exists tenant_reads_own on mako.stats;
create policy tenant_reads_own on mako.stats for select to authenticated
  using (user_id = (select mako.current_user_id()));
drop policy if exists definer_folds on mako.stats;
create policy definer_folds on mako.stats for all to mako_definer
  using (true)
  with check (true); -- the triggers are told the user by the row that is being written
drop policy if exists tenant_floor on mako.stats;
create policy tenant_floor on mako.stats as restrictive for all to public
  using (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer')
  with check (user_id = (select mako.current_user_id()) or (select current_user) = 'mako_definer');

grant create on schema mako to mako_definer; -- for the moment that an owner needs it

-- One function a table, made from one list of what is counted, and mako.counted_rows(), which counts afresh.
do $do$
declare
  counted record;
  -- A row counts for all time and, if it has a time, for its day.
  grains constant text := $$cross join lateral (values (date 'infinity'),
      (case when isfinite(created_at) then (created_at at time zone 'UTC')::date end)) grain (day)
    where user_id is not null and day is not null$$;
  afresh text[];
begin
  for counted in
    select relation, format('user_id, created_at, %s as kind, %s as status', kind, status) as columns
    from (values ('leads', $$''$$, $$coalesce(status, '')$$), ('contacts', $$''$$, $$coalesce(status, '')$$),
      ('call_logs', $$''$$, $$''$$), ('automation_logs', $$coalesce(action_type, '')$$, $$coalesce(status, '')$$),
      ('webhook_events', $$coalesce(source, '')$$, $$coalesce(status, '')$$)
    ) t (relation, kind, status)
  loop
    execute format($$
      create or replace function mako.count_%1$s() returns trigger
      language plpgsql volatile security definer
      set search_path = ''
      set row_security = on -- for sessions of owners, who turn it off to be told of it
      as $body$
      begin
        if tg_op = 'INSERT' then
          insert into mako.stats (user_id, relation, day, kind, status, rows)
          select user_id, %1$L, day, kind, status, count(*)
          from (select %2$s from new_rows) written %3$s
          group by user_id, day, kind, status;
        elsif tg_op = 'DELETE' then
          insert into mako.stats (user_id, relation, day, kind, status, rows)
          select user_id, %1$L, day, kind, status, -count(*)
          from (select %2$s from old_rows) written %3$s
          group by user_id, day, kind, status;
        elsif tg_op = 'UPDATE' then
          insert into mako.stats (user_id, relation, day, kind, status, rows)
          select user_id, %1$L, day, kind, status, sum(change)
          from (select 1 as change, %2$s from new_rows union all select -1, %2$s from old_rows) written %3$s
          group by user_id, day, kind, status
          having sum(change) <> 0;
        else
          -- Nobody folds meanwhile: a sum that was made since would stay.
          perform pg_advisory_xact_lock(hashtextextended('mako.stats', 0));
          delete from mako.stats where relation = %1$L;
        end if;
        return null;
      end $body$;
      comment on function mako.count_%1$s() is 'Counts what a statement did to public.%1$s';
      alter function mako.count_%1$s() owner to mako_definer;
      revoke all on function mako.count_%1$s() from public, anon, authenticated, service_role;
      create or replace trigger count_inserted after insert on public.%1$s
        referencing new table as new_rows for each statement execute function mako.count_%1$s();
      create or replace trigger count_updated after update on public.%1$s
        referencing old table as old_rows new table as new_rows for each statement execute function mako.count_%1$s();
      create or replace trigger count_deleted after delete on public.%1$s
        referencing old table as old_rows for each statement execute function mako.count_%1$s();
      create or replace trigger count_truncated after truncate on public.%1$s
        for each statement execute function mako.count_%1$s();
      $$, counted.relation, counted.columns, grains);
    afresh := afresh || format($$select user_id, %L, day, kind, status, count(*)
        from (select %s from public.%I) written %s
        group by user_id, day, kind, status$$, counted.relation, counted.columns, counted.relation, grains);
  end loop;
  -- STABLE: it sees what the statement that calls it sees.
  execute format($$
    create or replace function mako.counted_rows()
    returns table (user_id text, relation text, day date, kind text, status text, rows bigint)
    language sql stable
    set search_path = ''
    set row_security = off
    as $body$ %s $body$;
    $$, array_to_string(afresh, ' union all '));
end $do$;
comment on function mako.counted_rows() is 'What mako.stats has to say, counted from the rows themselves';
revoke all on function mako.counted_rows() from public, anon, authenticated, service_role;

-- Sums up the lines that writers have added, so many at a time, and says how many there were. Alone: a sum counts all
-- lines that it replaces, and no line twice.
create or replace function mako.fold_stats(p_limit int) returns int
language plpgsql volatile security definer
set search_path = ''
set row_security = on
as $$
declare
  lines int;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('mako.stats', 0)) then
    return 0;
  end if;
  with line as (
    delete from mako.stats s
    where s.ctid = any (array(select l.ctid from mako.stats l where not l.folded limit p_limit))
    returning s.user_id, s.relation, s.day, s.kind, s.status, s.rows
  ),
  added as (
    select l.user_id, l.relation, l.day, l.kind, l.status, sum(l.rows) as rows
    from line l
    group by l.user_id, l.relation, l.day, l.kind, l.status
  ),
  before as (
    delete from mako.stats s
    using added a
    where s.folded and s.user_id = a.user_id and s.relation = a.relation and s.day = a.day and s.kind = a.kind
      and s.status = a.status
    returning s.user_id, s.relation, s.day, s.kind, s.status, s.rows
  ),
  kept as (
    insert into mako.stats (user_id, relation, day, kind, status, rows, folded)
    select k.user_id, k.relation, k.day, k.kind, k.status, sum(k.rows), true
    from (select * from added union all select * from before) k
    group by k.user_id, k.relation, k.day, k.kind, k.status
    having sum(k.rows) <> 0
  )
  select count(*) into lines from line;
  return lines;
end $$;
comment on function mako.fold_stats(int) is 'Sums up lines of mako.stats; says how many there were';
alter function mako.fold_stats(int) owner to mako_definer;
revoke all on function mako.fold_stats(int) from public, anon, authenticated, service_role;
grant execute on function mako.fold_stats(int) to mako_router;

-- Counts everything afresh, while others write: one statement, one snapshot. Whose rows it doesn't see, their lines it
-- doesn't see either, and leaves. For the owner alone, who sees every row.
create or replace function mako.rebuild_stats() returns bigint
language plpgsql volatile
set search_path = ''
set row_security = off
as $$
declare
  lines bigint;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'mako.rebuild_stats() needs a snapshot of its own' using hint = 'begin isolation level read committed';
  end if;
  -- In the order in which TRUNCATE takes them.
  lock table public.leads, public.contacts, public.call_logs, public.automation_logs, public.webhook_events
    in access share mode;
  perform pg_advisory_xact_lock(hashtextextended('mako.stats', 0));
  with gone as (
    delete from mako.stats
  )
  insert into mako.stats (user_id, relation, day, kind, status, rows, folded)
  select c.user_id, c.relation, c.day, c.kind, c.status, c.rows, true
  from mako.counted_rows() c;
  get diagnostics lines = row_count;
  return lines;
end $$;
comment on function mako.rebuild_stats() is 'Counts every tenant''s rows afresh; says how many lines that makes';
revoke all on function mako.rebuild_stats() from public, anon, authenticated, service_role;

-- Where mako.stats and the rows disagree. For the owner alone.
create or replace function mako.stats_drift()
returns table (user_id text, relation text, day date, kind text, status text, stored bigint, actual bigint)
language sql stable
set search_path = ''
set row_security = off
as $$
  select user_id, relation, day, kind, status, coalesce(s.rows, 0)::bigint, coalesce(c.rows, 0)
  from (
    select user_id, relation, day, kind, status, sum(rows) as rows
    from mako.stats
    group by user_id, relation, day, kind, status
  ) s
  full join mako.counted_rows() c using (user_id, relation, day, kind, status)
  where coalesce(s.rows, 0) <> coalesce(c.rows, 0)
$$;
comment on function mako.stats_drift() is 'Lines of mako.stats that are not what the rows say; none, unless triggers were off';
revoke all on function mako.stats_drift() from public, anon, authenticated, service_role;

revoke create on schema mako from mako_definer;
commit;

begin;
do $$
begin
  if not has_table_privilege('authenticated', 'mako.stats', 'select') then
    perform mako.rebuild_stats();
    grant select on mako.stats to authenticated;
  end if;
end $$;
commit;
