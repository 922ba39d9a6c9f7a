-- webhook_events/count: on a distributed database, where events lie on the coordinator and nothing counts them before
select case when $5 = '-infinity' and $6 = 'infinity' and $9 is null then (
  select count(*)
  from public.webhook_events
  where user_id = $1 and ($7 is null or source = $7) and ($8 is null or status = $8)
) end
