-- What a migrated database comes to, one line each, independent of object ids
select 'column ' || attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull
  || ' ' || coalesce((select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = attrelid and adnum = attnum), '')
  || ' ' || coalesce(col_description(attrelid, attnum), '(no comment)') as line
from pg_attribute join pg_class on pg_class.oid = attrelid join pg_namespace n on n.oid = relnamespace
where nspname in ('public', 'mako') and relkind = 'r' and attnum > 0 and not attisdropped
union all
select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(c.oid)
from pg_constraint c join pg_namespace n on n.oid = connamespace where nspname in ('public', 'mako') and contype <> 'n'
union all
select 'index ' || indexdef from pg_indexes where schemaname in ('public', 'mako')
union all
select 'policy ' || schemaname || '.' || tablename || ' ' || policyname || ' ' || permissive || ' ' || roles::text || ' ' || cmd
  || ' ' || coalesce(qual, '') || ' ' || coalesce(with_check, '') from pg_policies where schemaname in ('public', 'mako')
union all
select 'flags ' || c.oid::regclass || ' ' || relrowsecurity || ' ' || relforcerowsecurity
from pg_class c join pg_namespace n on n.oid = relnamespace where nspname in ('public', 'mako') and relkind = 'r'
union all
select 'grant ' || table_schema || '.' || table_name || ' ' || grantee || ' ' || privilege_type
from information_schema.table_privileges where table_schema in ('public', 'mako') and grantee not in ('postgres')
union all
select 'column grant ' || table_schema || '.' || table_name || '.' || column_name || ' ' || grantee || ' ' || privilege_type
from information_schema.column_privileges where table_schema in ('public', 'mako') and grantee not in ('postgres')
union all
select 'function ' || p.oid::regprocedure || ' ' || md5(pg_get_functiondef(p.oid))
  || ' ' || (select string_agg(g::text, ',' order by g::text) from unnest(proacl) g)
from pg_proc p join pg_namespace n on n.oid = pronamespace where nspname = 'mako'
union all
select 'trigger ' || tgrelid::regclass || ' ' || tgname from pg_trigger where not tgisinternal
order by 1
