-- leads/list: a page of the caller's leads, newest first
-- One `case` around all filters: the planner multiplies separate ones down to a single row, and would then sort every
-- row of the tenant instead of walking leads_newest until the page is full.
select id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at
from public.leads
where user_id = $1
  and (created_at, id) < ($2, $3)
  and case when ($5 is null or status = $5)
    and ($6 is null or source = $6)
    and ($7 is null or sentiment = $7)
    and ($8 is null or phone = any ($8))
    and ($9 is null or name ilike $9 or phone ilike $9 or summary ilike $9)
    and ($10 is null or created_at >= $10)
    and ($11 is null or created_at < $11)
  then true else false end
order by created_at desc, id desc
limit $4
