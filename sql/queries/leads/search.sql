-- leads/search: the caller's leads, and which of them the filters let through
-- lower() and like, since ilike folds the pattern again for each row.
select id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at
  , ($7 is null or status = $7)
    and ($8 is null or source = $8)
    and ($9 is null or sentiment = $9)
    and ($10 is null or phone = any ($10))
    and ($11 is null or lower(name) like (select lower($11)) or lower(phone) like (select lower($11))
      or lower(summary) like (select lower($11))) as matches
from public.leads
where user_id = $1
