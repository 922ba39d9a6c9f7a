-- contacts/count: how many contacts the caller has, as mako.stats has it; null if the filters ask for what it doesn't know
select case when $5 = '-infinity' and $6 = 'infinity' and $8 is null and $9 is null and $10 is null and $11 is null then (
  select coalesce(sum(rows), 0)::int8
  from mako.stats
  where user_id = $1 and relation = 'contacts' and day = 'infinity'
    and ($7 is null or status = $7)
) end
