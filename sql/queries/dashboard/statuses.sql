-- dashboard/statuses: the caller's leads by status
select status, count(*) from public.leads where user_id = $1 group by status
