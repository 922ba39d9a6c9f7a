-- phone_numbers/release: gives up one of the caller's numbers
delete from public.user_phone_numbers where user_id = $1 and id = $2 returning id
