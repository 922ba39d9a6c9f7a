-- leads/find_many: those of the caller's leads that have these ids
select id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at
from public.leads
where user_id = $1 and id = any ($2)
