-- key_uses/count: how many uses of the caller's keys there are; null if the filters ask for fewer
select case when $5 = '-infinity' and $6 = 'infinity' and $7 is null then (
  select count(*) from mako.key_uses where user_id = $1
) end
