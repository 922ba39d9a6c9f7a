-- policies/verify.sql: what is not protected? Paste it any time; it reads the catalog and changes nothing.
-- No row: nothing that it knows of. Each row names a hole of the schema public and the statement that closes it.
-- It doesn't try to get in. `mako prove` does.
with
-- Who comes in through the API: `public` is everybody.
api(oid, name) as (
  select 0::oid, 'public'
  union all
  select oid, rolname::text from pg_roles where rolname in ('anon', 'authenticated')
),
relation as (
  select c.*, format('%I.%I', n.nspname, c.relname) as called
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
),
protected as (
  select * from relation where relkind in ('r', 'p')
),
-- Rights on tables and on single columns, of the API's roles.
held(called, relkind, role, privilege) as (
  select r.called, r.relkind, a.name, g.privilege_type
  from relation r, aclexplode(r.relacl) g
  join api a on a.oid = g.grantee
  union
  select r.called, r.relkind, a.name, g.privilege_type
  from relation r
  join pg_attribute c on c.attrelid = r.oid and not c.attisdropped, aclexplode(c.attacl) g
  join api a on a.oid = g.grantee
),
-- The floor: restrictive, for all commands, to everybody, and about nothing but the token's user. mako_definer, which has
-- neither login nor members but the owner, may be let through to its own policies.
floored(oid) as (
  select polrelid
  from pg_policy, lateral (values (pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))) said(sees, writes)
  where not polpermissive and polcmd = '*' and polroles = '{0}'
    and sees ~ '^\(*(id|user_id) = \( SELECT mako\.current_user_id\(\) AS current_user_id\)\)( OR \(\( SELECT CURRENT_USER AS "current_user"\) = ''mako_definer''::name\)\))?$'
    and coalesce(writes, sees) in (sees, regexp_replace(sees, '^\((.*) OR .*$', '\1'))
),
finding(object, problem, fix) as (
  select called, 'row-level security is off: rights on the table are rights on every row',
    format('alter table %s enable row level security, force row level security;', called)
  from protected where not relrowsecurity
  union all
  select called, 'row-level security does not bind the owner',
    format('alter table %s force row level security;', called)
  from protected where relrowsecurity and not relforcerowsecurity
  union all
  select called, 'no restrictive floor: any permissive policy opens it', case
    when exists (select from pg_attribute where attrelid = protected.oid and attname = 'user_id' and not attisdropped)
    then format('drop policy if exists tenant_floor on %1$s; create policy tenant_floor on %1$s as restrictive for all to public'
      ' using (user_id = (select mako.current_user_id())) with check (user_id = (select mako.current_user_id()));', called)
    else format('revoke all on %s from public, anon, authenticated;', called) end
  from protected
  where relrowsecurity and not exists (select from floored where floored.oid = protected.oid)
    and called in (select called from held)
  union all
  select called, format('%s has the right to %s', role, string_agg(lower(privilege), ', ' order by privilege)),
    format('revoke all on %s from %s;', called, role)
  from held where role in ('public', 'anon')
  group by called, role
  union all
  select called, format('%s has the right to %s, which row-level security does not see', role, lower(privilege)),
    format('revoke %s on %s from %s;', lower(privilege), called, role)
  from held where privilege in ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN') and role = 'authenticated'
  union all
  select called, 'the view reads as its owner, not as who asks',
    format('alter view %s set (security_invoker = true);', called)
  from relation
  where relkind = 'v' and called in (select called from held)
    and not coalesce(reloptions && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1',
      'security_invoker=yes'], false)
  union all
  select called, case relkind when 'm' then 'a materialized view' else 'a foreign table' end || ' has no row-level security',
    format('revoke all on %s from public, anon, authenticated;', called)
  from relation where relkind in ('m', 'f') and called in (select called from held)
  union all
  select format('public.%I.%I', s.relation, s.column_name), format('%s can read it', a.name),
    format('revoke select on public.%I from %s; then policies/%1$s.sql', s.relation, a.name)
  from (values ('users', 'password'), ('api_keys', 'encrypted_key'), ('webhook_endpoints', 'sealed_secret')) s(relation, column_name)
  join pg_attribute c on c.attrelid = to_regclass(format('public.%I', s.relation)) and c.attname = s.column_name
  join api a on a.name <> 'public'
  where has_column_privilege(a.oid, c.attrelid, c.attnum, 'select')
  union all
  -- Functions that run as somebody else. Trigger functions can't be called.
  select f.oid::regprocedure::text, format('runs as %s with a search_path of the caller''s choice', f.proowner::regrole),
    format('alter function %s set search_path = '''';', f.oid::regprocedure)
  from pg_proc f
  join pg_namespace n on n.oid = f.pronamespace and n.nspname in ('public', 'mako')
  where f.prosecdef and not exists (select from unnest(f.proconfig) c where starts_with(c, 'search_path='))
    and exists (select from api a where a.name <> 'public' and has_function_privilege(a.oid, f.oid, 'execute'))
  union all
  select f.oid::regprocedure::text, format('runs as %s, whom row-level security does not bind', f.proowner::regrole),
    format('alter function %s owner to mako_definer; or revoke execute on function %1$s from public, anon, authenticated;',
      f.oid::regprocedure)
  from pg_proc f
  join pg_namespace n on n.oid = f.pronamespace and n.nspname in ('public', 'mako')
  join pg_roles r on r.oid = f.proowner and (r.rolsuper or r.rolbypassrls)
  where f.prosecdef and f.prorettype <> 'trigger'::regtype
    and exists (select from api a where a.name <> 'public' and has_function_privilege(a.oid, f.oid, 'execute'))
    and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e')
  union all
  select coalesce(f.oid::regprocedure::text, 'mako.current_user_id()'), case
      when f.oid is null then 'is missing: nobody is anybody'
      else 'is not STABLE or depends on the search_path: a plan made for one user may serve the next' end,
    'policies/00_claims.sql'
  from (select to_regprocedure('mako.current_user_id()') as oid) wanted
  left join pg_proc f on f.oid = wanted.oid
  where f.oid is null or f.provolatile <> 's' or f.prosecdef
    or f.prosqlbody is null and not exists (select from unnest(f.proconfig) c where starts_with(c, 'search_path='))
  union all
  select r.rolname::text, 'row-level security does not bind this role of the API, or one that it has the rights of',
    'alter role ' || quote_ident(r.rolname) || ' nosuperuser nobypassrls; or revoke the membership'
  from pg_roles r
  where r.rolname in ('anon', 'authenticated') and exists (
    select from pg_roles o where (o.rolsuper or o.rolbypassrls) and pg_has_role(r.oid, o.oid, 'member')
  )
  union all
  select called, format('belongs to %s, a role of the API, which may change its policies', relowner::regrole),
    format('alter table %s owner to %I;', called, current_user)
  from relation
  where relowner in (select oid from api)
)
select object, problem, fix from finding order by object, problem
