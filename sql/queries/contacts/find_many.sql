-- contacts/find_many: those of the caller's contacts that have these ids
select id, first_name, last_name, email, phone, company, job_position, status, notes, plan, appointment_date,
  business_name, business_position, created_at, updated_at
from public.contacts
where user_id = $1 and id = any ($2)
