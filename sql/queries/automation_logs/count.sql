-- automation_logs/count: how many things the caller's automations did, as mako.stats has it; null if the filters ask for what it doesn't know
select case when $5 = '-infinity' and $6 = 'infinity' then (
  select coalesce(sum(rows), 0)::int8
  from mako.stats
  where user_id = $1 and relation = 'automation_logs' and day = 'infinity'
    and ($7 is null or kind = $7)
    and ($8 is null or status = $8)
) end
