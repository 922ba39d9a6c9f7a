-- contact_import/insert: new contacts from a JSON array ($2); answers with what tells them apart
insert into public.contacts (user_id, first_name, last_name, email, phone, company, job_position, status, notes, plan,
    appointment_date, business_name, business_position)
select $1, first_name, last_name, email, phone, company, job_position, coalesce(status, 'active'), notes, plan,
    appointment_date, business_name, business_position
from jsonb_to_recordset($2) as person (
  first_name text, last_name text, email text, phone text, company text, job_position text, status text, notes text,
  plan text, appointment_date timestamptz, business_name text, business_position text
)
returning id, first_name, last_name, email, phone, company
