-- Is there a schema of extensions, by which logins do clients come (PostgREST's first, the service's next), and what does
-- PostgREST call before each request?
select to_regnamespace('extensions') is not null, (
  select coalesce(json_agg(r.rolname order by r.rolname <> 'authenticator', r.rolname <> 'mako', r.rolname), '[]')
  from pg_roles r
  where r.rolcanlogin and not r.rolsuper and not r.rolbypassrls and r.rolname not in (current_user, session_user)
    and (r.rolname in ('authenticator', 'mako') or exists (
      select from pg_auth_members m join pg_roles api on api.oid = m.roleid
      where m.member = r.oid and api.rolname = any ({roles})))
), (
  select format('select "%s"."%s"()', replace(n.nspname, '"', '""'), replace(p.proname, '"', '""'))
  from pg_db_role_setting s
  left join pg_roles r on r.oid = s.setrole
  cross join unnest(s.setconfig) setting
  join pg_proc p on p.oid = to_regproc(split_part(setting, '=', 2))
  join pg_namespace n on n.oid = p.pronamespace
  where setting like 'pgrst.db_pre_request=%' and (s.setrole = 0 or r.rolname = 'authenticator')
    and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
  order by s.setrole = 0, s.setdatabase = 0
  limit 1
)
