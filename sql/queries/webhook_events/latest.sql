-- webhook_events/latest: when the caller's last event of each source came
select source, max(created_at) from public.webhook_events where user_id = $1 group by source
