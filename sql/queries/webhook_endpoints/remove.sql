-- webhook_endpoints/remove: the caller's endpoint for a source; its address is gone for good
delete from public.webhook_endpoints where user_id = $1 and source = $2 returning source
