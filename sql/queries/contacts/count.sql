-- contacts/count: how many of the caller's contacts the filters of contacts/list let through
-- (without filters, or by status alone, mako.stats knows)
select case when $6 is null and $7 is null and $8 is null and $9 is null and $10 is null and $11 is null then (
    select coalesce(sum(rows), 0)::int8
    from mako.stats
    where user_id = $1 and relation = 'contacts' and day = 'infinity'
      and ($5 is null or status = $5)
  ) else (
    select count(*)
    from public.contacts
    where user_id = $1
      and ($5 is null or status = $5)
      and ($6 is null or company = $6)
      and ($7 is null or phone = any ($7))
      and ($8 is null or lower(email) = lower($8))
      and ($9 is null or concat_ws(' ', first_name, last_name) ilike $9 or email ilike $9 or phone ilike $9 or company ilike $9
        or notes ilike $9)
      and ($10 is null or created_at >= $10)
      and ($11 is null or created_at < $11)
  ) end
