-- event_effects/change_lead: what an event says of a lead; what was written after the event arrived ($9) stays, and only what
-- is empty there is filled
update public.leads
set name = case when updated_at <= $9 then coalesce($3, name) else name end
  , status = case when updated_at <= $9 then coalesce($4, status) else status end
  , source = case when updated_at <= $9 then coalesce($5, source) else source end
  , summary = case when updated_at <= $9 then coalesce($6, summary) else coalesce(summary, $6) end
  , ai_summary = case when updated_at <= $9 then coalesce($7, ai_summary) else coalesce(ai_summary, $7) end
  , sentiment = case when updated_at <= $9 then coalesce($8, sentiment) else coalesce(sentiment, $8) end
  , updated_at = greatest(updated_at, $9)
where user_id = $1 and id = $2
