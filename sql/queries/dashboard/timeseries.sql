-- dashboard/timeseries: the caller's calls and leads in the last $3 days, weeks or months ($2), UTC, empty ones too
select start at time zone 'UTC'
     , (select count(*) from public.call_logs where user_id = $1
          and created_at >= start at time zone 'UTC' and created_at < (start + step) at time zone 'UTC')
     , (select count(*) from public.leads where user_id = $1
          and created_at >= start at time zone 'UTC' and created_at < (start + step) at time zone 'UTC')
from (
  select date_trunc($2, now() at time zone 'UTC') - back * step as start, step
  from (select ('1 ' || $2)::interval as step) interval_of, generate_series(0, $3 - 1) back
) bucket
order by start
