-- automation_logs/count: how many rows the filters of automation_logs/list let through
-- (by action_type and status alone mako.stats knows)
select case when $7 is null and $8 is null then (
    select coalesce(sum(rows), 0)::int8
    from mako.stats
    where user_id = $1 and relation = 'automation_logs' and day = 'infinity'
      and ($5 is null or kind = $5)
      and ($6 is null or status = $6)
  ) else (
    select count(*)
    from public.automation_logs
    where user_id = $1
      and ($5 is null or action_type = $5)
      and ($6 is null or status = $6)
      and ($7 is null or created_at >= $7)
      and ($8 is null or created_at < $8)
  ) end
