-- contacts/insert: a new contact, or the one that the same idempotency key ($14) made before
with known as (
  select row_id from mako.idempotency_keys where user_id = $1 and resource = 'contacts' and key = $14
),
made as (
  insert into public.contacts (user_id, first_name, last_name, email, phone, company, job_position, status, notes, plan,
    appointment_date, business_name, business_position)
  select $1, $2, $3, $4, $5, $6, $7, coalesce($8, 'active'), $9, $10, $11, $12, $13
  where not exists (select from known)
  returning id, first_name, last_name, email, phone, company, job_position, status, notes, plan, appointment_date,
  business_name, business_position, created_at, updated_at
),
kept as (
  insert into mako.idempotency_keys (user_id, resource, key, row_id)
  select $1, 'contacts', $14, id from made where $14 is not null
)
select id, first_name, last_name, email, phone, company, job_position, status, notes, plan, appointment_date,
  business_name, business_position, created_at, updated_at, true as new
from made
union all
select id, first_name, last_name, email, phone, company, job_position, status, notes, plan, appointment_date,
  business_name, business_position, created_at, updated_at, false
from public.contacts
where user_id = $1 and id in (select row_id from known)
