-- Lists are filtered within a tenant, however many rows it has; crates/store/src/rows/list_queries.rs says by which index.
-- Row-level security lets an index find only what leakproof operators compare, and so no function of a column: rows that
-- aren't written as one looks for them (`typed`) have a partial index, and are read one by one.
-- A longer text is no filter's value, and might be too long for an index: it must not refuse what a live CRM writes.

-- Which ones are lacking, and which statement makes them. The query between the marks reads the catalog and nothing else;
-- `mako migrate` and `mako adopt` take it from here and build each concurrently, so that it is there when this runs.
do $do$
declare
  step record;
begin
  for step in
    -- lacking {
    select name, i.indexrelid is not null as is_remnant,
      format('create index %I on public.%I (user_id, %s) where %s', name, relation, columns, condition) as statement
    from (
      select relation, relation || '_' || filter, format('%I, created_at, id', filter), format('length(%I) <= 200', filter)
      from (values ('leads', 'status'), ('leads', 'source'), ('leads', 'sentiment'), ('contacts', 'status'), ('contacts', 'company'),
        ('call_logs', 'sentiment'), ('automation_logs', 'action_type'), ('automation_logs', 'status'),
        ('webhook_events', 'source'), ('webhook_events', 'status'), ('webhook_events', 'event_type')) many (relation, filter)
      union all
      values ('call_logs', 'call_logs_phone', 'phone', 'length(phone) <= 200'),
        ('contacts', 'contacts_email_exact', 'email', 'length(email) <= 320'),
        ('contacts', 'contacts_email_typed', 'created_at, id', 'email <> lower(email)'),
        ('contacts', 'contacts_phone_typed', 'created_at, id', $$phone !~ '^[+]?[0-9]+$'$$),
        ('leads', 'leads_phone_typed', 'created_at, id', $$phone !~ '^[+]?[0-9]+$'$$)
    ) wanted (relation, name, columns, condition)
    join pg_attribute a on a.attrelid = to_regclass(format('public.%I', relation)) and a.attname = 'user_id'
    left join pg_index i on i.indexrelid = to_regclass(format('public.%I', name))
    where i.indisvalid is not true
    order by relation, name
    -- } lacking
  loop
    if step.is_remnant then
      execute format('drop index public.%I', step.name);
    end if;
    execute step.statement;
  end loop;
end $do$;
