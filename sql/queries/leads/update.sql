-- leads/update: changes the given columns of one of the caller's leads
update public.leads
set name = coalesce($3, name)
  , phone = coalesce($4, phone)
  , status = coalesce($5, status)
  , source = coalesce($6, source)
  , summary = case when $7 then $8 else summary end
  , ai_summary = case when $9 then $10 else ai_summary end
  , sentiment = case when $11 then $12 else sentiment end
  , updated_at = greatest(updated_at, now())
where user_id = $1 and id = $2
returning id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at
