-- Which tables Citus has spread, whether each node has all their rows, and which of their shards lie on this node
select d.logicalrelid::oid::int8, n.nspname, c.relname, d.partmethod = 'n' and d.repmodel = 't', s.oid::int8, sn.nspname, s.relname
from pg_dist_partition d
join pg_class c on c.oid = d.logicalrelid
join pg_namespace n on n.oid = c.relnamespace
left join lateral (
  select to_regclass(shard_name(d.logicalrelid, shard.shardid, false)) as oid
  from pg_dist_shard shard
  join pg_dist_placement p on p.shardid = shard.shardid
  join pg_dist_local_group g on g.groupid = p.groupid
  where shard.logicalrelid = d.logicalrelid
) here on here.oid is not null
left join pg_class s on s.oid = here.oid
left join pg_namespace sn on sn.oid = s.relnamespace
order by 2, 3, 7
