-- Is there a schema of extensions, and by which logins do clients come? PostgREST's first, the service's next
select to_regnamespace('extensions') is not null, (
  select coalesce(json_agg(r.rolname order by r.rolname <> 'authenticator', r.rolname <> 'mako', r.rolname), '[]')
  from pg_roles r
  where r.rolcanlogin and not r.rolsuper and not r.rolbypassrls and r.rolname not in (current_user, session_user)
    and (r.rolname in ('authenticator', 'mako') or exists (
      select from pg_auth_members m join pg_roles api on api.oid = m.roleid
      where m.member = r.oid and api.rolname = any ({roles})))
)
