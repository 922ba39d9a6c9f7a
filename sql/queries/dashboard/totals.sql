-- dashboard/totals: how many rows the caller has
select (select count(*) from public.leads where user_id = $1)
     , (select count(*) from public.call_logs where user_id = $1)
     , (select count(*) from public.contacts where user_id = $1)
