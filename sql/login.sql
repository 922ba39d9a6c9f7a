-- the first reason why this session's login must not serve tenants; no row if there is none
with recursive login as (
  select oid, rolname from pg_roles where rolname = session_user
),
-- Every role that the login can become by SET ROLE. From PostgreSQL 16 on a membership says whether it
-- allows that (set_option); before, each does. to_jsonb reads the column where there is one.
reachable(oid) as (
  select oid from login
  union
  select m.roleid
  from reachable r
  join pg_auth_members m on m.member = r.oid
  where coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
     or coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, true)
),
objection(role, why, rank) as (
  select r.rolname, 'a superuser', 1 from reachable join pg_roles r using (oid) where r.rolsuper
  union all
  select r.rolname, 'allowed to bypass row-level security', 2
  from reachable join pg_roles r using (oid) where r.rolbypassrls and not r.rolsuper
  union all
  select r.rolname, 'the definer of functions that see every tenant', 3
  from reachable join pg_roles r using (oid) where r.rolname = 'mako_definer'
  union all
  select r.rolname, format('the owner of table %s.%s', n.nspname, c.relname), 4
  from reachable
  join pg_roles r using (oid)
  join pg_class c on c.relowner = r.oid and c.relkind in ('r', 'p', 'v', 'm')
  join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('public', 'mako')
  union all
  select current_user, format('not the role that logged in (%s); the session starts in it', session_user), 5
  where current_user <> session_user
)
select login.rolname::text, objection.role::text, objection.why
from objection, login
order by objection.rank, objection.role = login.rolname desc, objection.role
limit 1
