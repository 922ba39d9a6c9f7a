-- contacts/list: a page of the caller's contacts, newest first
select id, first_name, last_name, email, phone, company, job_position, status, notes, plan, appointment_date,
  business_name, business_position, created_at, updated_at
from public.contacts
where user_id = $1 and (created_at, id) < ($2, $3)
order by created_at desc, id desc
limit $4
