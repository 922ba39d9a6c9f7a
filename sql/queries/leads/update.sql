-- leads/update: changes the given columns of one of the caller's leads
update public.leads
set name = case when $3 then $4 else name end
  , phone = case when $5 then $6 else phone end
  , status = case when $7 then $8 else status end
  , source = case when $9 then $10 else source end
  , summary = case when $11 then $12 else summary end
  , ai_summary = case when $13 then $14 else ai_summary end
  , sentiment = case when $15 then $16 else sentiment end
  , updated_at = greatest(updated_at, now())
where user_id = $1 and id = $2
returning id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at
