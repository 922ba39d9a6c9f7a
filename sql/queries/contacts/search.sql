-- contacts/search: the caller's contacts, and which of them the filters let through
select id, first_name, last_name, email, phone, company, job_position, status, notes, plan, appointment_date,
  business_name, business_position, created_at, updated_at
  , ($7 is null or status = $7)
    and ($8 is null or company = $8)
    and ($9 is null or phone = any ($9))
    and ($10 is null or lower(email) = (select lower($10)))
    and ($11 is null or lower(concat_ws(' ', first_name, last_name)) like (select lower($11))
      or lower(email) like (select lower($11)) or lower(phone) like (select lower($11))
      or lower(company) like (select lower($11)) or lower(notes) like (select lower($11))) as matches
from public.contacts
where user_id = $1
