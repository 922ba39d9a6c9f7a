-- contact_import/candidates: the caller's contacts with one of these ids, addresses, numbers or full names
select id, first_name, last_name, email, phone, company, job_position, status, notes, plan, appointment_date,
  business_name, business_position, created_at, updated_at
from public.contacts
where user_id = $1
  and (id in (select unnest($2))
    or lower(email) in (select unnest($3))
    or phone in (select unnest($4))
    or lower(concat_ws(' ', first_name, last_name)) in (select unnest($5)))
