-- event_deliveries/count: how many deliveries the caller has; null if the filters let through fewer
select case when $5 = '-infinity' and $6 = 'infinity' and $7 is null and $8 is null and $9 is null then (
  select count(*) from mako.event_deliveries where user_id = $1
) end
