-- webhook_events/latest: when the caller's last event of each of these sources came
select asked.source, newest.created_at
from unnest($2) asked (source)
cross join lateral (
  select created_at
  from public.webhook_events
  where user_id = $1
    -- A range, as in crates/store/src/rows/list_queries.rs.
    and source >= asked.source and source <= asked.source and length(source) <= 200
  order by source desc, created_at desc, id desc
  limit 1
) newest
