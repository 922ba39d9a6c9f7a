-- What is lacking until Citus has spread the tables $1 by user_id, in the order of $1, and which statements bring it: each row
-- by itself, in this order. Reads the catalog and the sizes of tables, and nothing else.
with tenant_table(place, name, oid) as (
  select place, name, to_regclass(name)
  from unnest($1::text[]) with ordinality t (name, place)
),
citus_table(oid, method) as (
  select logicalrelid::oid, partmethod from pg_dist_partition
),
-- A sub-select that reads no table is there to be evaluated once a statement; Citus takes none. Whose contact was imported
-- is said by a foreign key instead.
bare as (
  select t.place, t.oid, p.polname, p.polqual is not null as has_qual, p.polwithcheck is not null as has_check
    , pg_get_expr(p.polqual, t.oid) as qual, pg_get_expr(p.polwithcheck, t.oid) as wanted
    , regexp_replace(pg_get_expr(p.polqual, t.oid), selected, '\1', 'gi') as bare_qual
    , regexp_replace(regexp_replace(pg_get_expr(p.polwithcheck, t.oid), selected, '\1', 'gi'), own_contact, '', 'gi') as bare_check
  from tenant_table t
  join pg_policy p on p.polrelid = t.oid and p.polname <> 'tenant_floor'
  cross join (values ('\( SELECT (mako\.\w+\(\)|CURRENT_USER) AS "?\w+"?\)',
    ' AND \(EXISTS \( SELECT\s+FROM (?:public\.)?contacts c\s+WHERE \(c\.id = contact_imports\.contact_id\)\)\)')) pattern (selected, own_contact)
),
-- The tables whose rows are known by an id alone.
keyed as (
  select t.*, c.relname, k.conname, to_regclass(format('%I.%I', c.relnamespace::regnamespace, c.relname || '_of_tenant')) as index
  from tenant_table t
  join pg_class c on c.oid = t.oid
  join pg_constraint k on k.conrelid = t.oid and k.contype = 'p'
    and k.conkey = array[(select attnum from pg_attribute a where a.attrelid = t.oid and a.attname = 'id')]
),
foreign_key as (
  select t.place, t.oid, k.conname, k.confrelid, k.convalidated
  from tenant_table t
  join pg_constraint k on k.conrelid = t.oid and k.contype = 'f'
),
-- Citus fills in defaults before it sends a row to its shard, which then needs the right to each of those columns. Beside a
-- user_id an id tells nothing of other tenants' rows.
unfilled as (
  select t.place, t.oid, x.grantee::regrole as role, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns
  from tenant_table t
  cross join lateral (
    select distinct e.grantee from pg_attribute w, aclexplode(w.attacl) e
    where w.attrelid = t.oid and e.privilege_type = 'INSERT'
  ) x
  join pg_attribute a on a.attrelid = t.oid and a.attgenerated = '' and a.atthasdef
    and not has_column_privilege(x.grantee, t.oid, a.attnum, 'INSERT')
  group by t.place, t.oid, x.grantee
),
-- A small one is copied before anybody notices; online it takes Citus seconds, and the log must have what is written meanwhile.
-- Who takes that from the log is a member of the table's owner, and is let by if its policies don't bind the owner.
spreading as (
  select t.*, current_setting('wal_level') = 'logical' and 1048576 < case
      when exists (select from citus_table c where c.oid = t.oid) then citus_relation_size(t.oid)
      else pg_relation_size(t.oid)
    end as online
  from tenant_table t
  where not exists (select from citus_table c where c.oid = t.oid and c.method = 'h')
),
lacking(stage, place, words, statement) as (
  -- Citus makes every policy anew, on shards and by and by here, and forgets that one is restrictive: it would open what it
  -- holds. The others say by themselves whose rows they are for (refusals.sql).
  select 0, t.place, format('no policy tenant_floor on %s, which Citus would let open rows instead of holding them', t.oid::regclass)
    , format('drop policy tenant_floor on %s', t.oid::regclass)
  from tenant_table t
  join pg_policy p on p.polrelid = t.oid and p.polname = 'tenant_floor'
  union all
  select 1, min(place), format('policies of %s without sub-selects', oid::regclass), string_agg(format('alter policy %I on %s%s%s',
    polname, oid::regclass, ' using (' || bare_qual || ')', ' with check (' || bare_check || ')'), '; ' order by polname)
  from bare
  where (bare_qual, bare_check) is distinct from (qual, wanted)
  group by oid
  union all
  select 2, place, format('columns of %s that Citus fills in, for %s', oid::regclass, role),
    format('grant insert (%s) on %s to %s', columns, oid::regclass, role)
  from unfilled
  union all
  select 3, place, format('unfinished index %s', index), format('drop index concurrently %s', index)
  from keyed where exists (select from pg_index where indexrelid = index and not indisvalid)
  union all
  select 4, place, format('index of %s by user and id', oid::regclass),
    format('create unique index concurrently %I on %s (user_id, id)', relname || '_of_tenant', oid::regclass)
  from keyed where not exists (select from pg_index where indexrelid = index and indisvalid)
  union all
  select 5, f.place, format('foreign key %s, until its columns say whose contact', f.conname),
    format('alter table %s drop constraint %I', f.oid::regclass, f.conname)
  from foreign_key f
  where f.confrelid = 'public.contacts'::regclass
    and not exists (select from pg_constraint k where k.conname = f.conname and k.conrelid = f.oid and cardinality(k.conkey) = 2)
  union all
  select 6, place, format('primary key of %s: user and id', oid::regclass), format(
    'alter table %1$s drop constraint %2$I, add constraint %2$I primary key using index %3$I', oid::regclass, conname, relname || '_of_tenant')
  from keyed
  union all
  select 7, place, format('foreign key of %s to mako.tenants', oid::regclass), format('alter table %1$s drop constraint %2$I,
    add constraint %2$I foreign key (user_id) references mako.tenants (id) on delete cascade not valid', oid::regclass, conname)
  from foreign_key where confrelid = 'public.users'::regclass
  union all
  select 8, place, format('foreign key of %s to mako.tenants, for every row', oid::regclass),
    format('alter table %s validate constraint %I', oid::regclass, conname)
  from foreign_key
  where confrelid = 'public.users'::regclass or confrelid = to_regclass('mako.tenants') and not convalidated
  union all
  select 9, 0, 'mako.tenants on every node', $$select create_reference_table('mako.tenants')$$
  where not exists (select from citus_table where oid = to_regclass('mako.tenants') and method = 'n')
  union all
  select 10, place, format('policies of %s not for its owner, who copies', oid::regclass), format('alter table %s no force row level security', oid::regclass)
  from spreading where online
  union all
  select 11, place, format('rows of %s to their shards%s', oid::regclass, case when online then ', while others write' else '' end),
    format('select create_distributed_table%s(%L, %L, colocate_with => %L)', case when online then '_concurrently' else '' end,
      name, 'user_id', case place when 1 then 'none' else ($1::text[])[1] end)
  from spreading
  union all
  select 12, t.place, format('policies of %s for its owner, too', t.oid::regclass), format('alter table %s force row level security', t.oid::regclass)
  from tenant_table t
  join pg_class c on c.oid = t.oid
  where not c.relforcerowsecurity or exists (select from spreading s where s.oid = t.oid and s.online)
  union all
  select 13, place, 'foreign key of mako.contact_imports to contacts of the same user', 'alter table mako.contact_imports
    add constraint contact_imports_contact_id_fkey foreign key (user_id, contact_id) references public.contacts (user_id, id) on delete cascade'
  from tenant_table t
  where t.name = 'mako.contact_imports'
    and not exists (select from pg_constraint k where k.conrelid = t.oid and k.contype = 'f' and cardinality(k.conkey) = 2)
)
select words, statement from lacking order by stage, place, words
