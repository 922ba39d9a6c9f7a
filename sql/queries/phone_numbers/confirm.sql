-- phone_numbers/confirm: the provider has said that the number is the caller's; $1 is for routing only
select mako.confirm_number($2) where $1 is not null
