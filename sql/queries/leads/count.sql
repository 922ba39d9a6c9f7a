-- leads/count: how many of the caller's leads the filters of leads/list let through
-- (without filters, or by status alone, mako.stats knows)
select case when $6 is null and $7 is null and $8 is null and $9 is null and $10 is null and $11 is null then (
    select coalesce(sum(rows), 0)::int8
    from mako.stats
    where user_id = $1 and relation = 'leads' and day = 'infinity'
      and ($5 is null or status = $5)
  ) else (
    select count(*)
    from public.leads
    where user_id = $1
      and ($5 is null or status = $5)
      and ($6 is null or source = $6)
      and ($7 is null or sentiment = $7)
      and ($8 is null or phone = any ($8))
      and ($9 is null or name ilike $9 or phone ilike $9 or summary ilike $9)
      and ($10 is null or created_at >= $10)
      and ($11 is null or created_at < $11)
  ) end
