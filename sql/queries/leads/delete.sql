-- leads/delete: removes one of the caller's leads
delete from public.leads where user_id = $1 and id = $2 returning id
