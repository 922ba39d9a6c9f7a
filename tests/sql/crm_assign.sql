-- Every row gets a user, as an admin would do it before `set not null`
do $$
declare
  relation text;
begin
  foreach relation in array array['leads', 'call_logs', 'automation_logs'] loop
    execute format('
      update %1$I t set user_id = u.id
      from (select ctid as place, row_number() over () as n from %1$I) r,
        (select id, row_number() over (order by id) as n from users) u
      where t.ctid = r.place and u.n = 1 + r.n %% (select count(*) from users)', relation);
  end loop;
end $$;
