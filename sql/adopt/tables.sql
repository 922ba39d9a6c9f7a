-- The tables of $1 that are there: whose they are, how large, and of which form
select l.relation, c.relkind::text, c.relowner::regrole::text,
  pg_has_role(c.relowner, 'usage'),
  pg_total_relation_size(c.oid),
  (select array_agg(a.attname::text order by a.attnum)
   from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  (select array_agg(format('%s %s', a.attname, format_type(a.atttypid, a.atttypmod)) order by a.attnum)
   from pg_attribute a
   where a.attrelid = c.oid and a.attname in ('id', 'user_id') and not a.attisdropped
     and a.atttypid not in ('text'::regtype, 'varchar'::regtype))
from unnest($1::text[]) with ordinality l(relation, place)
join pg_class c on c.oid = to_regclass(format('public.%I', l.relation))
order by l.place
