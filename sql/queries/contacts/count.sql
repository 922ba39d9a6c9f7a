-- contacts/count: how many of the caller's contacts the filters of contacts/list let through
select count(*)
from public.contacts
where user_id = $1
  and ($2 is null or status = $2)
  and ($3 is null or company = $3)
  and ($4 is null or phone = any ($4))
  and ($5 is null or lower(email) = lower($5))
  and ($6 is null or concat_ws(' ', first_name, last_name) ilike $6 or email ilike $6 or phone ilike $6 or company ilike $6
    or notes ilike $6)
  and ($7 is null or created_at >= $7)
  and ($8 is null or created_at < $8)
