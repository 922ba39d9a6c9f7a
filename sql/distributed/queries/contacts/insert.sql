-- contacts/insert: on a distributed database; the key ($14) is looked up by a statement of its own
select id, first_name, last_name, email, phone, company, job_position, status, notes, plan, appointment_date,
  business_name, business_position, created_at, updated_at, new
from mako.add_contact($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
