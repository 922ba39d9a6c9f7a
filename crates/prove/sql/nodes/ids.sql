-- For each shard of a table that is spread by a column: an id whose rows would lie there
with spread as (
  select d.logicalrelid, n.nspname || '.' || c.relname as name, format('%I.%I', n.nspname, c.relname) as quoted
    , quote_ident(column_to_column_name(d.logicalrelid, d.partkey)) as by
  from pg_dist_partition d
  join pg_class c on c.oid = d.logicalrelid
  join pg_namespace n on n.oid = c.relnamespace
  where d.partmethod = 'h'
),
candidate as (
  select gen_random_uuid()::text as id from generate_series(1, 50 * (select max(n) from (select count(*) as n from pg_dist_shard group by logicalrelid) x))
)
select spread.name, spread.quoted, spread.by, shard_name(spread.logicalrelid, s.shardid, false), p.groupid
  , (array_agg(candidate.id))[1]
from spread
join pg_dist_shard s on s.logicalrelid = spread.logicalrelid
join pg_dist_placement p on p.shardid = s.shardid
left join candidate on get_shard_id_for_distribution_column(spread.logicalrelid, candidate.id) = s.shardid
group by 1, 2, 3, 4, 5
order by 1, 4
