-- event_effects/add_lead: a lead that an event brought, dated from the event's arrival ($9)
insert into public.leads (user_id, name, phone, status, source, summary, ai_summary, sentiment, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
returning id
