-- phone_numbers/verified: one of the caller's numbers that events are routed by
select phone from public.user_phone_numbers where user_id = $1 and verified_at is not null order by phone limit 1
