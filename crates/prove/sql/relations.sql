-- Every relation of the schemas, and those that their foreign keys, parents or views lead to, as one document each
with recursive wanted(oid) as (
  select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where (n.nspname = any ({schemas}) or n.nspname || '.' || c.relname = any ({named})) and c.relkind in ('r', 'p', 'v', 'm', 'f')
  union
  select next.oid from wanted w cross join lateral (
    select k.confrelid as oid from pg_constraint k where k.conrelid = w.oid and k.contype = 'f'
    union all
    select d.refobjid from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
      join pg_class v on v.oid = d.refobjid and v.relkind in ('r', 'p', 'v', 'm', 'f')
      join pg_namespace vn on vn.oid = v.relnamespace and vn.nspname not in ('pg_catalog', 'information_schema')
    where r.ev_class = w.oid and d.refclassid = 'pg_class'::regclass and d.refobjid <> w.oid
    union all
    select i.inhparent from pg_inherits i where i.inhrelid = w.oid
  ) next
),
-- Tables elsewhere that functions of the schemas speak of: what they tell of them counts too.
hidden(oid) as (
  select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and n.nspname <> all ({schemas}) and n.nspname not in ('pg_catalog', 'information_schema')
    and n.nspname not like 'pg\_t%' and exists (
      select from pg_proc p join pg_namespace pn on pn.oid = p.pronamespace and pn.nspname = any ({schemas})
      where p.prosrc ilike '%' || n.nspname || '.' || c.relname || '%')
)
select jsonb_build_object(
  'oid', c.oid::int8, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
  'in_scope', n.nspname = any ({schemas}) or n.nspname || '.' || c.relname = any ({named}),
  'extension', (select e.extname from pg_depend d join pg_extension e on e.oid = d.refobjid
    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'),
  'owner', pg_get_userbyid(c.relowner), 'owner_bypasses', (select o.rolsuper or o.rolbypassrls from pg_roles o where o.oid = c.relowner),
  'owned', pg_has_role(c.relowner, 'usage'),
  'rls', c.relrowsecurity, 'forced', c.relforcerowsecurity, 'is_partition', c.relispartition,
  'parents', coalesce((select jsonb_agg(i.inhparent::int8) from pg_inherits i where i.inhrelid = c.oid), '[]'),
  'partition_constraint', case when c.relispartition then pg_get_partition_constraintdef(c.oid) end,
  'rows', c.reltuples::float8,
  'invoker', coalesce((select lower(o) from (select split_part(o, '=', 2) as o from unnest(c.reloptions) o where o like 'security_invoker=%') x) in ('true', 'on', 'yes', '1'), false),
  'barrier', coalesce((select lower(o) from (select split_part(o, '=', 2) as o from unnest(c.reloptions) o where o like 'security_barrier=%') x) in ('true', 'on', 'yes', '1'), false),
  'definition', case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
  'updatable', case when c.relkind = 'v' then pg_relation_is_updatable(c.oid, true) else 0 end,
  'insertable', has_table_privilege(c.oid, 'insert'),
  'comment', coalesce(obj_description(c.oid, 'pg_class'), ''),
  'columns', coalesce((
    select jsonb_agg(jsonb_build_object(
      'number', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'base', format_type(base.oid, case when t.typtype = 'd' then t.typtypmod else a.atttypmod end),
      'base_name', base.typname, 'kind', base.typtype, 'category', base.typcategory,
      'array', base.typcategory = 'A',
      'element', case when base.typcategory = 'A' then format_type(base.typelem, null) end,
      'comparable', exists (select from pg_operator o where o.oprname = '=' and o.oprleft = base.oid and o.oprright = base.oid)
        or base.typtype in ('e', 'r', 'm') or base.typcategory in ('A') or base.typname = 'varchar',
      'domain_checks', coalesce((
        with recursive chain(oid, base) as (
          select t.oid, t.typbasetype where t.typtype = 'd'
          union all
          select p.oid, p.typbasetype from chain c join pg_type p on p.oid = c.base where p.typtype = 'd'
        )
        select jsonb_agg(pg_get_constraintdef(k.oid)) from chain join pg_constraint k on k.contypid = chain.oid and k.contype = 'c'), '[]'),
      'not_null', a.attnotnull or t.typnotnull, 'default', pg_get_expr(def.adbin, def.adrelid),
      'sequence', exists (select from pg_depend d join pg_class s on s.oid = d.refobjid and s.relkind = 'S'
        where d.classid = 'pg_attrdef'::regclass and d.objid = def.oid and d.refclassid = 'pg_class'::regclass),
      'generated', a.attgenerated <> '', 'identity', a.attidentity::text,
      'labels', coalesce((select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = base.oid), '[]'))
      order by a.attnum)
    from pg_attribute a
    join pg_type t on t.oid = a.atttypid
    join lateral (
      with recursive chain(oid, kind, base) as (
        select t.oid, t.typtype, t.typbasetype
        union all
        select p.oid, p.typtype, p.typbasetype from chain c join pg_type p on p.oid = c.base where c.kind = 'd'
      )
      select p.* from chain join pg_type p on p.oid = chain.oid where chain.kind <> 'd'
    ) base on true
    left join pg_attrdef def on def.adrelid = c.oid and def.adnum = a.attnum
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '[]'),
  'indexes', coalesce((
    select jsonb_agg(jsonb_build_object(
      'name', ic.relname, 'unique', i.indisunique, 'exclusion', i.indisexclusion, 'primary', i.indisprimary, 'partial', i.indpred is not null,
      'expression', i.indexprs is not null, 'valid', i.indisvalid,
      'constraint', exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')),
      'immediate', i.indimmediate,
      'keys', (select jsonb_agg(pg_get_indexdef(i.indexrelid, n, true) order by n) from generate_series(1, i.indnkeyatts) n),
      'columns', (select jsonb_agg((select attname from pg_attribute where attrelid = c.oid and attnum = k.n) order by k.ord)
        from unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality k(n, ord)))
      order by i.indisprimary desc, ic.relname)
    from pg_index i join pg_class ic on ic.oid = i.indexrelid where i.indrelid = c.oid), '[]'),
  'checks', coalesce((
    select jsonb_agg(jsonb_build_object('name', k.conname, 'valid', k.convalidated, 'expression', pg_get_expr(k.conbin, k.conrelid),
      'columns', (select coalesce(jsonb_agg(attname), '[]') from pg_attribute where attrelid = c.oid and attnum = any (k.conkey))))
    from pg_constraint k where k.conrelid = c.oid and k.contype = 'c'), '[]'),
  'foreign_keys', coalesce((
    select jsonb_agg(jsonb_build_object('name', k.conname, 'target', k.confrelid::int8, 'deferrable', k.condeferrable,
      'columns', (select jsonb_agg(a.attname order by x.ord) from unnest(k.conkey) with ordinality x(n, ord)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = x.n),
      'target_columns', (select jsonb_agg(a.attname order by x.ord) from unnest(k.confkey) with ordinality x(n, ord)
        join pg_attribute a on a.attrelid = k.confrelid and a.attnum = x.n)) order by k.conname)
    from pg_constraint k where k.conrelid = c.oid and k.contype = 'f' and k.conparentid = 0
      or k.conrelid = c.oid and k.contype = 'f' and c.relispartition), '[]'),
  'policies', coalesce((
    select jsonb_agg(jsonb_build_object('name', p.polname, 'command', p.polcmd::text, 'permissive', p.polpermissive,
      'roles', (select jsonb_agg(case r when 0 then 'public' else pg_get_userbyid(r) end) from unnest(p.polroles) r),
      'applies', coalesce((select bool_or(r = 0 or pg_has_role(api.oid, r, 'usage')) from unnest(p.polroles) r, pg_roles api where api.rolname = any ({roles})), false),
      'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid),
      'functions', coalesce((select jsonb_agg(distinct d.refobjid::int8) from pg_depend d
        where d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refclassid = 'pg_proc'::regclass), '[]'))
      order by p.polname)
    from pg_policy p where p.polrelid = c.oid), '[]'),
  'triggers', coalesce((
    select jsonb_agg(jsonb_build_object('name', t.tgname, 'function', t.tgfoid::int8, 'enabled', t.tgenabled::text, 'type', t.tgtype))
    from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled <> 'D'), '[]'),
  'rules', coalesce((
    select jsonb_agg(jsonb_build_object('name', r.rulename, 'definition', pg_get_ruledef(r.oid)))
    from pg_rewrite r where r.ev_class = c.oid and r.rulename <> '_RETURN' and r.ev_enabled <> 'D'), '[]'),
  'reads', coalesce((
    select jsonb_agg(distinct d.refobjid::int8) from pg_rewrite r
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
    join pg_class v on v.oid = d.refobjid and v.relkind in ('r', 'p', 'v', 'm', 'f')
    where r.ev_class = c.oid and d.refobjid <> c.oid), '[]'),
  'calls', coalesce((
    select jsonb_agg(distinct d.refobjid::int8) from pg_rewrite r
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_proc'::regclass
    where r.ev_class = c.oid), '[]'),
  'rights', (
    select jsonb_object_agg(role, jsonb_build_object(
      'usage', has_schema_privilege(role, n.oid, 'usage'),
      'select', has_table_privilege(role, c.oid, 'select'), 'insert', has_table_privilege(role, c.oid, 'insert'),
      'update', has_table_privilege(role, c.oid, 'update'), 'delete', has_table_privilege(role, c.oid, 'delete'),
      'truncate', has_table_privilege(role, c.oid, 'truncate'), 'references', has_table_privilege(role, c.oid, 'references'),
      'trigger', has_table_privilege(role, c.oid, 'trigger'), 'owner', pg_has_role(role, c.relowner, 'usage'),
      'select_columns', coalesce((select jsonb_agg(attname) from pg_attribute where attrelid = c.oid and attnum > 0
        and not attisdropped and has_column_privilege(role, c.oid, attnum, 'select')), '[]'),
      'insert_columns', coalesce((select jsonb_agg(attname) from pg_attribute where attrelid = c.oid and attnum > 0
        and not attisdropped and has_column_privilege(role, c.oid, attnum, 'insert')), '[]'),
      'update_columns', coalesce((select jsonb_agg(attname) from pg_attribute where attrelid = c.oid and attnum > 0
        and not attisdropped and has_column_privilege(role, c.oid, attnum, 'update')), '[]')))
    from (select rolname as role from pg_roles where rolname = any ({roles}::name[])) api)
)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join (select oid from wanted union select oid from hidden) w on w.oid = c.oid
order by n.nspname, c.relname
