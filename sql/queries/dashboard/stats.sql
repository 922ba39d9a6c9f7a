-- dashboard/stats: how many rows the caller has, and what the last $2 days brought, then the $2 days before; one row each
-- Whole days come from mako.stats. Where a period begins or ends within a day, the shorter part of that day is counted:
-- what came by then is added, or what came later is taken off the whole day.
with edge as (
  select back, at, day, day_begins, day_ends, at - day_begins > day_ends - at or back = 0 as is_late
  from generate_series(0, 2) back
  cross join lateral (select now() - make_interval(days => $2 * back) as at) moment
  cross join lateral (select (at at time zone 'UTC')::date as day) of_day
  cross join lateral (select day::timestamp at time zone 'UTC' as day_begins
    , (day + 1)::timestamp at time zone 'UTC' as day_ends) limits
),
period as (
  select ends.back, begins.day + begins.is_late::int as since, ends.day + ends.is_late::int as until
  from edge ends
  join edge begins on begins.back = ends.back + 1
),
-- Materialized: under row-level security a bound that is only computed beside the rows is no condition of an index.
part as materialized (
  select back, is_late
    , case when is_late then at + interval '1 microsecond' else day_begins end as since
    , case when is_late then day_ends else at + interval '1 microsecond' end as until
  from edge
),
of_part as (
  select back, relation, kind, status, sum(case when is_late then -1 else 1 end) as rows
  from part
  -- Lateral: each arm walks its own index, and no further than the part goes.
  cross join lateral (
    select 'leads' as relation, '' as kind, status
    from public.leads where user_id = $1 and created_at >= since and created_at < until
    union all
    select 'call_logs', '', ''
    from public.call_logs where user_id = $1 and created_at >= since and created_at < until
    union all
    select 'automation_logs', action_type, ''
    from public.automation_logs where user_id = $1 and created_at >= since and created_at < until
  ) came
  group by back, relation, kind, status
),
line as (
  select period.back, counted.relation, kind, status, rows
  from period
  cross join unnest('{leads,call_logs,automation_logs}'::text[]) counted (relation)
  cross join lateral (
    select kind, status, rows
    from mako.stats
    where user_id = $1 and stats.relation = counted.relation and day >= since and day < until
    offset 0 -- or all of the caller's lines would be read, and compared with each period
  ) of_days
  union all
  -- Of the period that ends there, and not of the one that begins there.
  select back - following, relation, kind, status, case following when 0 then rows else -rows end
  from of_part, generate_series(0, 1) following
),
brought as (
  select back
    , sum(rows) filter (where relation = 'leads') as leads
    , sum(rows) filter (where relation = 'call_logs') as calls
    , sum(rows) filter (where relation = 'automation_logs'
        and lower(kind) in ('sms', 'mms', 'whatsapp', 'message', 'chat', 'email')) as messages
    , sum(rows) filter (where relation = 'leads' and lower(status) in ('booked', 'meeting')) as booked
    , sum(rows) filter (where relation = 'leads' and lower(status) = 'converted') as converted
  from line
  group by back
),
counted as (
  select relation, status, sum(rows)::int8 as rows
  from mako.stats
  where user_id = $1 and relation in ('leads', 'call_logs', 'contacts') and day = 'infinity'
  group by relation, status
  having sum(rows) > 0
),
total as (
  select coalesce(sum(rows) filter (where relation = 'leads'), 0)::int8 as leads
    , coalesce(sum(rows) filter (where relation = 'call_logs'), 0)::int8 as calls
    , coalesce(sum(rows) filter (where relation = 'contacts'), 0)::int8 as contacts
    , coalesce(array_agg(status) filter (where relation = 'leads'), '{}') as statuses
    , coalesce(array_agg(rows) filter (where relation = 'leads'), '{}') as of_status
  from counted
)
select total.leads, total.calls, total.contacts, statuses, of_status
  , coalesce(brought.leads, 0)::int8, coalesce(brought.calls, 0)::int8, coalesce(messages, 0)::int8
  , coalesce(booked, 0)::int8, coalesce(converted, 0)::int8
from period
left join brought using (back)
cross join total
order by back
