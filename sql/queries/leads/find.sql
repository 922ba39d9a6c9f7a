-- leads/find: one of the caller's leads
select id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at
from public.leads
where user_id = $1 and id = $2
