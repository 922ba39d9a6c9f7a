-- event_effects/add_log: a line of the automation log, dated from the event's arrival ($5)
insert into public.automation_logs (user_id, action_type, status, details, created_at, updated_at)
values ($1, $2, $3, $4, $5, $5)
