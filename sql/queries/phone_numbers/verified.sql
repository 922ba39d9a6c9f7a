-- phone_numbers/verified: one of the caller's numbers that events are routed by
-- (in another order than that of the index over everybody's verified numbers, or it would be walked through)
select phone from public.user_phone_numbers where user_id = $1 and verified_at is not null order by phone collate "C" limit 1
