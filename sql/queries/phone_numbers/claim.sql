-- phone_numbers/claim: a number that the caller says is theirs; it routes nothing until it is verified
insert into public.user_phone_numbers (user_id, phone, provider, label)
values ($1, $2, $3, $4)
returning id, phone, provider, label, verified_at, created_at
