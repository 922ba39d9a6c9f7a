-- phone_numbers/count: how many numbers the caller has claimed
select count(*) from public.user_phone_numbers where user_id = $1
