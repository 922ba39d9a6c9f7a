-- contacts/list: a page of the caller's contacts, newest first
-- (one `case` around all filters: see leads/list)
select id, first_name, last_name, email, phone, company, job_position, status, notes, plan, appointment_date,
  business_name, business_position, created_at, updated_at
from public.contacts
where user_id = $1
  and (created_at, id) < ($2, $3)
  and case when ($5 is null or status = $5)
    and ($6 is null or company = $6)
    and ($7 is null or phone = any ($7))
    and ($8 is null or lower(email) = lower($8))
    and ($9 is null or concat_ws(' ', first_name, last_name) ilike $9 or email ilike $9 or phone ilike $9 or company ilike $9
      or notes ilike $9)
    and ($10 is null or created_at >= $10)
    and ($11 is null or created_at < $11)
  then true else false end
order by created_at desc, id desc
limit $4
