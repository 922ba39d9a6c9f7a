-- contact_import/candidates: the caller's contacts with one of these ids, addresses, numbers or full names (both
-- folded by contact_import/fold), whether somebody has written them since the import began, and how the texts that tell
-- them apart are folded; locked, so that what others change meanwhile is neither undone nor missed
select id, first_name, last_name, email, phone, company, job_position, status, notes, plan, appointment_date,
  business_name, business_position, created_at, updated_at
  , updated_at > now()
  , first_name, lower(first_name), last_name, lower(last_name), email, lower(email), company, lower(company)
from public.contacts
where user_id = $1
  and (id in (select unnest($2))
    or lower(email) in (select unnest($3))
    or phone in (select unnest($4))
    or concat_ws(' ', lower(first_name), lower(last_name)) in (select unnest($5)))
order by id collate "C" -- in one order, so that none can deadlock; not the primary key's, or it would be walked through
for update
