-- Every shard with its table and the node that it lies on
select n.nspname || '.' || c.relname, shard_name(d.logicalrelid, s.shardid, false), p.groupid
from pg_dist_partition d
join pg_class c on c.oid = d.logicalrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_dist_shard s on s.logicalrelid = d.logicalrelid
join pg_dist_placement p on p.shardid = s.shardid
order by 1, s.shardid, p.groupid
