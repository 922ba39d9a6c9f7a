-- One line for everything that decides who can reach what; read from pg_catalog, which any login may
with recursive scope(oid, name) as (
  select n.oid, n.nspname from pg_namespace n where n.nspname = any ({schemas})
),
relation as (
  select c.*, format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    and (n.nspname in (select name from scope) or n.nspname || '.' || c.relname = any ({elsewhere}))
),
routine as (
  select p.*, format('%I.%I', n.nspname, p.proname) as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\_%'
    and (n.nspname in (select name from scope) and p.prosecdef
      or not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'))
),
reach(oid) as (
  select r.oid from pg_roles r where r.rolname = any ({roles}::name[])
  union
  select m.roleid from reach join pg_auth_members m on m.member = reach.oid
),
line(text) as (
  select format('schema %s %s', s.name, (select string_agg(g::text, ',' order by g::text) from unnest(n.nspacl) g))
  from scope s join pg_namespace n on n.oid = s.oid
  union all
  select format('relation %s %s owner %s rls %s force %s options %s grants %s partition %s parents %s', name, relkind, pg_get_userbyid(relowner),
    relrowsecurity, relforcerowsecurity, reloptions, (select string_agg(g::text, ',' order by g::text) from unnest(relacl) g),
    pg_get_expr(relpartbound, oid), (select string_agg(i.inhparent::regclass::text, ',' order by 1) from pg_inherits i where i.inhrelid = relation.oid))
  from relation
  union all
  select format('column %s.%I %s %s %s %s %s %s', r.name, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
    a.attgenerated, pg_get_expr(d.adbin, d.adrelid), (select string_agg(g::text, ',' order by g::text) from unnest(a.attacl) g))
  from relation r
  join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where r.relkind <> 'S'
  union all
  select format('view %s %s', r.name, md5(pg_get_viewdef(r.oid))) from relation r where r.relkind in ('v', 'm')
  union all
  select format('rule %s %s', r.name, pg_get_ruledef(w.oid)) from relation r join pg_rewrite w on w.ev_class = r.oid and w.rulename <> '_RETURN'
  union all
  select format('constraint %s %s %s', r.name, k.conname, pg_get_constraintdef(k.oid))
  from relation r join pg_constraint k on k.conrelid = r.oid and k.contype <> 'n'
  union all
  select format('index %s', pg_get_indexdef(i.indexrelid)) from relation r join pg_index i on i.indrelid = r.oid and i.indisunique
  union all
  select format('trigger %s %s %s', r.name, t.tgenabled, pg_get_triggerdef(t.oid)) from relation r join pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal
  union all
  select format('policy %s %I %s %s to %s using %s check %s', r.name, p.polname, p.polpermissive, p.polcmd,
    (select string_agg(case m when 0 then 'public' else pg_get_userbyid(m)::text end, ',' order by 1) from unnest(p.polroles) m),
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  from relation r join pg_policy p on p.polrelid = r.oid
  union all
  select format('function %s(%s) owner %s definer %s %s settings %s language %s source %s returns %s grants %s', name, pg_get_function_identity_arguments(oid),
    pg_get_userbyid(proowner), prosecdef, provolatile, proconfig, prolang, md5(coalesce(pg_get_function_sqlbody(oid), prosrc)), prorettype::regtype,
    (select string_agg(g::text, ',' order by g::text) from unnest(proacl) g))
  from routine
  union all
  select format('extension %s %s in %s', e.extname, e.extversion, s.name) from pg_extension e join scope s on s.oid = e.extnamespace
  union all
  select format('role %I super %s bypass %s member of %s', r.rolname, r.rolsuper, r.rolbypassrls,
    (select string_agg(format('%I %s', pg_get_userbyid(m.roleid), to_jsonb(m) - 'oid' - 'roleid' - 'member' - 'grantor' - 'admin_option'), ',' order by pg_get_userbyid(m.roleid))
      from pg_auth_members m where m.member = r.oid))
  from reach join pg_roles r on r.oid = reach.oid
)
select coalesce(string_agg(text, E'\n' order by text collate "C"), '') from line
