-- Shards on this node that don't say what their table says: of policies, of whom they bind, of rights
with pair as (
  select d.logicalrelid::oid as of_table, here.oid as of_shard
  from pg_dist_partition d
  join pg_dist_shard shard on shard.logicalrelid = d.logicalrelid
  join pg_dist_placement p on p.shardid = shard.shardid
  join pg_dist_local_group g on g.groupid = p.groupid
  cross join lateral (select to_regclass(shard_name(d.logicalrelid, shard.shardid, false)) as oid) here
  where here.oid is not null
),
said as (
  select c.oid, jsonb_build_object(
    'whether policies bind its owner, or anybody', jsonb_build_array(c.relrowsecurity, c.relforcerowsecurity),
    'policies', (
      select jsonb_agg(jsonb_build_array(p.polname, p.polcmd, p.polpermissive, p.polroles::text, pg_get_expr(p.polqual, c.oid),
        pg_get_expr(p.polwithcheck, c.oid)) order by p.polname) from pg_policy p where p.polrelid = c.oid),
    'rights', (select jsonb_agg(a::text order by a::text) from unnest(c.relacl) a),
    'rights on columns', (
      select jsonb_agg(jsonb_build_array(a.attname, x::text) order by a.attname, x::text)
      from pg_attribute a, unnest(a.attacl) x where a.attrelid = c.oid and not a.attisdropped)) as what
  from pg_class c
  where c.oid in (select of_table from pair union all select of_shard from pair)
)
select pair.of_shard::regclass || ' and its table differ in ' || string_agg(t.key, ', ' order by t.key)
from pair
join said t0 on t0.oid = pair.of_table
join said s0 on s0.oid = pair.of_shard
cross join lateral jsonb_each(t0.what) t
where t.value is distinct from s0.what -> t.key
group by pair.of_shard
order by 1
