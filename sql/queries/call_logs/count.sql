-- call_logs/count: how many of the caller's calls the filters of call_logs/list let through
-- (without filters mako.stats knows)
select case when $5 is null and $6 is null and $7 is null and $8 is null and $9 is null then (
    select coalesce(sum(rows), 0)::int8
    from mako.stats
    where user_id = $1 and relation = 'call_logs' and day = 'infinity'
  ) else (
    select count(*)
    from public.call_logs
    where user_id = $1
      and ($5 is null or phone = any ($5))
      and ($6 is null or sentiment = $6)
      and ($7 is null or phone ilike $7 or summary ilike $7)
      and ($8 is null or created_at >= $8)
      and ($9 is null or created_at < $9)
  ) end
