-- What is left to do until the rows of the tables $1 lie on the coordinator again, and which statements do it: each row by
-- itself, in this order. Policies, rights and triggers come back with policies/, mako.stats with its migration.
with tenant_table(place, name, oid) as (
  select place, name, to_regclass(name)
  from unnest($1::text[]) with ordinality t (name, place)
),
keyed as (
  select t.*, c.relname, k.conname, to_regclass(format('%I.%I', c.relnamespace::regnamespace, c.relname || '_of_all')) as index
  from tenant_table t
  join pg_class c on c.oid = t.oid
  join pg_attribute a on a.attrelid = t.oid and a.attname = 'id'
  join pg_constraint k on k.conrelid = t.oid and k.contype = 'p' and cardinality(k.conkey) = 2 and a.attnum = any (k.conkey)
),
foreign_key as (
  select t.place, t.oid, k.conname, k.convalidated, k.confrelid, cardinality(k.conkey) as columns
  from tenant_table t
  join pg_constraint k on k.conrelid = t.oid and k.contype = 'f'
),
lacking(stage, place, words, statement) as (
  -- It reads the tables.
  select 1, 0::bigint, 'mako.stats, which counted their rows', 'drop view mako.stats'
  where exists (select from pg_class where oid = to_regclass('mako.stats') and relkind = 'v')
  union all
  select 2, 0, 'rows of all tables to the coordinator', $$select undistribute_table('mako.tenants', cascade_via_foreign_keys => true)$$
  where exists (select from pg_dist_partition where logicalrelid = to_regclass('mako.tenants'))
  union all
  select 3, place, format('rows of %s to the coordinator', name), format('select undistribute_table(%L)', name)
  from tenant_table
  where exists (select from pg_dist_partition where logicalrelid = tenant_table.oid)
    and not exists (select from pg_dist_partition where logicalrelid = to_regclass('mako.tenants'))
  union all
  select 4, place, format('foreign key %s, until its column is the contact alone', conname),
    format('alter table %s drop constraint %I', oid::regclass, conname)
  from foreign_key where columns = 2
  union all
  select 5, place, format('unfinished index %s', index), format('drop index concurrently %s', index)
  from keyed where exists (select from pg_index where indexrelid = index and not indisvalid)
  union all
  select 6, place, format('index of %s by id', name),
    format('create unique index concurrently %I on %s (id)', relname || '_of_all', name)
  from keyed where not exists (select from pg_index where indexrelid = index and indisvalid)
  union all
  select 7, place, format('primary key of %s: id', name), format(
    'alter table %1$s drop constraint %2$I, add constraint %2$I primary key using index %3$I', name, conname, relname || '_of_all')
  from keyed
  union all
  select 8, place, 'foreign key of mako.contact_imports to contacts', 'alter table mako.contact_imports
    add constraint contact_imports_contact_id_fkey foreign key (contact_id) references public.contacts (id) on delete cascade'
  from tenant_table t
  where t.name = 'mako.contact_imports'
    and not exists (select from foreign_key f where f.oid = t.oid and f.confrelid = 'public.contacts'::regclass and f.columns = 1)
  union all
  select 9, place, format('foreign key of %s to users', oid::regclass), format('alter table %1$s drop constraint %2$I,
    add constraint %2$I foreign key (user_id) references public.users (id) on delete cascade not valid', oid::regclass, conname)
  from foreign_key where confrelid = to_regclass('mako.tenants')
  union all
  select 10, place, format('foreign key of %s to users, for every row', oid::regclass),
    format('alter table %s validate constraint %I', oid::regclass, conname)
  from foreign_key
  where confrelid = to_regclass('mako.tenants') or confrelid = 'public.users'::regclass and not convalidated
  union all
  select 11, 0, format('no login for the role %s', rolname), format('alter role %I nologin', rolname)
  from pg_roles where rolname in ('authenticated', 'mako_definer') and rolcanlogin
  union all
  select 12, 0, 'plans of the role mako', format('alter role mako in database %I reset plan_cache_mode', current_database())
  where exists (
    select from pg_db_role_setting
    where setrole = 'mako'::regrole and setdatabase = (select oid from pg_database where datname = current_database())
      and 'plan_cache_mode=auto' = any (setconfig)
  )
)
select words, statement from lacking order by stage, place, words
