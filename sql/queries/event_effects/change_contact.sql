-- event_effects/change_contact: what an event says of a contact; what was written after the event arrived ($13) stays, and only
-- what is empty there is filled
update public.contacts
set first_name = case when updated_at <= $13 then coalesce($3, first_name) else first_name end
  , status = case when updated_at <= $13 then coalesce($4, status) else status end
  , last_name = case when updated_at <= $13 then coalesce($5, last_name) else coalesce(last_name, $5) end
  , email = case when updated_at <= $13 then coalesce($6, email) else coalesce(email, $6) end
  , phone = case when updated_at <= $13 then coalesce($7, phone) else coalesce(phone, $7) end
  , company = case when updated_at <= $13 then coalesce($8, company) else coalesce(company, $8) end
  , job_position = case when updated_at <= $13 then coalesce($9, job_position) else coalesce(job_position, $9) end
  , notes = case when updated_at <= $13 then coalesce($10, notes) else coalesce(notes, $10) end
  , plan = case when updated_at <= $13 then coalesce($11, plan) else coalesce(plan, $11) end
  , appointment_date = case when updated_at <= $13 then coalesce($12, appointment_date)
    else coalesce(appointment_date, $12) end
  , updated_at = greatest(updated_at, $13)
where user_id = $1 and id = $2
