-- contacts/update: changes the given columns of one of the caller's contacts
update public.contacts
set first_name = case when $3 then $4 else first_name end
  , last_name = case when $5 then $6 else last_name end
  , email = case when $7 then $8 else email end
  , phone = case when $9 then $10 else phone end
  , company = case when $11 then $12 else company end
  , job_position = case when $13 then $14 else job_position end
  , status = case when $15 then $16 else status end
  , notes = case when $17 then $18 else notes end
  , plan = case when $19 then $20 else plan end
  , appointment_date = case when $21 then $22 else appointment_date end
  , business_name = case when $23 then $24 else business_name end
  , business_position = case when $25 then $26 else business_position end
  , updated_at = greatest(updated_at, now())
where user_id = $1 and id = $2
returning id, first_name, last_name, email, phone, company, job_position, status, notes, plan, appointment_date,
  business_name, business_position, created_at, updated_at
