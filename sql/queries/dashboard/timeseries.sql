-- dashboard/timeseries: the caller's calls and leads in the last $3 days, weeks or months ($2), UTC, empty ones too
with bucket as (
  select date_trunc($2, now() at time zone 'UTC') - back * step as start, step
  from (select ('1 ' || $2)::interval as step) interval_of, generate_series(0, $3 - 1) back
),
counted as (
  select date_trunc($2, day::timestamp) as start
    , sum(rows) filter (where relation = 'call_logs') as calls
    , sum(rows) filter (where relation = 'leads') as leads
  from mako.stats
  where user_id = $1 and relation in ('call_logs', 'leads')
    and day >= (select min(start)::date from bucket) and day < (select max(start + step)::date from bucket)
  group by 1
)
select start at time zone 'UTC', coalesce(calls, 0)::int8, coalesce(leads, 0)::int8
from bucket
left join counted using (start)
order by start
