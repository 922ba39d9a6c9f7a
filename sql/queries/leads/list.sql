-- leads/list: a page of the caller's leads, newest first
select id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at
from public.leads
where user_id = $1 and (created_at, id) < ($2, $3)
order by created_at desc, id desc
limit $4
