-- event_effects/add_contact: a contact that an event brought, dated from the event's arrival ($12)
insert into public.contacts
  (user_id, first_name, last_name, email, phone, company, job_position, status, notes, plan, appointment_date,
  created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, coalesce($8, 'active'), $9, $10, $11, $12, $12)
