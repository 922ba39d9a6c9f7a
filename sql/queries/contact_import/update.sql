-- contact_import/update: contacts as a JSON array ($2) has them now
update public.contacts
set first_name = person.first_name
  , last_name = person.last_name
  , email = person.email
  , phone = person.phone
  , company = person.company
  , job_position = person.job_position
  , status = coalesce(person.status, contacts.status)
  , notes = person.notes
  , plan = person.plan
  , appointment_date = person.appointment_date
  , business_name = person.business_name
  , business_position = person.business_position
  , updated_at = greatest(contacts.updated_at, now())
from jsonb_to_recordset($2) as person (
  id text, first_name text, last_name text, email text, phone text, company text, job_position text, status text,
  notes text, plan text, appointment_date timestamptz, business_name text, business_position text
)
where contacts.user_id = $1 and contacts.id = person.id
