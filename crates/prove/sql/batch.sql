-- Runs the scripts in `mako.work`, each in a subtransaction of its own, and leaves what came of them in `mako.outcomes`.
-- What is refused is caught here: the server logs none of it, and nothing has to be sent again.
do $mako$
declare
  work constant jsonb := current_setting('mako.work')::jsonb;
  keep constant boolean := work -> 'keep';
  settings constant jsonb := work -> 'settings';
  statements constant jsonb := work -> 'statements';
  watches constant jsonb := work -> 'watches';
  -- Whether each write moves the log's end; a table that isn't logged, or was made just now, may be written without.
  logging constant boolean := not pg_is_in_recovery() and current_setting('wal_level') <> 'minimal'
    and not exists (select from pg_class where relpersistence = 'u' and relkind in ('r', 'm'));
  counting constant boolean := current_setting('track_counts')::boolean;
  -- What is prepared outlives a batch that is cut short.
  prefix constant text := 'mako_' || (extract(epoch from clock_timestamp()) * 1e6)::bigint || '_';
  enough constant timestamptz := clock_timestamp() + interval '500 ms';
  prepared boolean[] := array_fill(false, array[jsonb_array_length(work -> 'statements')]);
  results json[] := '{}';
  late boolean := false;
  done bigint := 0;
  bundle jsonb;
  scripts jsonb[];
  script jsonb;
  step jsonb;
  next int;
  who jsonb;
  denied json;
  sql text;
  place int;
  refused json;
  outcomes json[];
  outcome json;
  answer record;
  answers text[];
  many bigint;
  watching int;
  watched oid[];
  before bigint;
  written bigint;
  log_end pg_lsn;
  code text;
  message text;
  broken text;
  spare text;
begin
  foreach bundle in array array(select jsonb_array_elements(work -> 'bundles')) loop
    exit when late;
    refused := null;
    outcomes := '{}';
    begin
      if bundle ->> 'fence' <> '' then
        execute bundle ->> 'fence';
      end if;
      -- Under the attackers' path from the start: whenever the path changes, the statements here are planned anew.
      if bundle ->> 'path' <> '' then
        spare := set_config('search_path', bundle ->> 'path', true);
      end if;
      scripts := array(select jsonb_array_elements(bundle -> 'scripts'));
      next := 1;
      while next <= cardinality(scripts) and not late loop
        -- Those of one attacker follow each other under settings that are made once.
        who := scripts[next] -> 'who';
        begin
          denied := null;
          begin
            for m in 0 .. jsonb_array_length(settings -> who::int) - 1 loop
              spare := set_config(settings -> who::int -> m ->> 0, settings -> who::int -> m ->> 1, true);
              if settings -> who::int -> m ->> 0 = 'mako.before' then
                execute settings -> who::int -> m ->> 1;
              end if;
            end loop;
          exception
            when others then
              denied := json_build_object('code', sqlstate, 'message', sqlerrm);
          end;
          while scripts[next] -> 'who' = who loop
            late := done > 0 and clock_timestamp() > enough;
            exit when late;
            script := scripts[next] -> 'steps';
            answers := '{}';
            begin
              for n in 0 .. jsonb_array_length(script) - 1 loop
                exit when denied is not null;
                step := script -> n;
                sql := step ->> 1;
                if step ->> 0 = 'judge' then
                  if logging and log_end = pg_current_wal_insert_lsn() then
                    -- Where nothing was written, nothing came of it.
                    answers := answers || '()'::text;
                    continue;
                  end if;
                  written := (select sum(pg_stat_get_xact_tuples_inserted(o) + pg_stat_get_xact_tuples_updated(o)
                    + pg_stat_get_xact_tuples_deleted(o)) from unnest(watched) o);
                  if counting and before = written then
                    answers := answers || '()'::text;
                    continue;
                  end if;
                  before := written;
                  set constraints all immediate;
                  execute work ->> 'back';
                end if;
                if step ->> 0 not in ('be', 'watch') then
                  case jsonb_typeof(step -> 1)
                    when 'number' then
                      sql := statements ->> sql::int;
                    when 'array' then
                      -- Sent often: planned once, and again whenever the role is another.
                      place := step -> 1 ->> 0;
                      if not prepared[place + 1] then
                        execute 'prepare ' || prefix || place || ' as ' || (statements ->> place);
                        prepared[place + 1] := true;
                      end if;
                      sql := 'execute ' || prefix || place;
                    else
                      null;
                  end case;
                end if;
                case step ->> 0
                  when 'be' then
                    for m in 0 .. jsonb_array_length(settings -> sql::int) - 1 loop
                      spare := set_config(settings -> sql::int -> m ->> 0, settings -> sql::int -> m ->> 1, true);
                      if settings -> sql::int -> m ->> 0 = 'mako.before' then
                        execute settings -> sql::int -> m ->> 1;
                      end if;
                    end loop;
                  when 'do' then
                    execute sql;
                  when 'ask', 'judge' then
                    execute sql into answer;
                    get diagnostics many = row_count;
                    if many > 0 then
                      answers := answers || answer::text;
                    end if;
                  when 'watch' then
                    -- What is taken back still counts as written, so that a count holds until the next one.
                    if watching is distinct from sql::int then
                      watching := sql::int;
                      watched := array(select jsonb_array_elements_text(watches -> watching)::oid);
                      before := (select sum(pg_stat_get_xact_tuples_inserted(o) + pg_stat_get_xact_tuples_updated(o)
                        + pg_stat_get_xact_tuples_deleted(o)) from unnest(watched) o);
                    end if;
                    if logging then
                      log_end := pg_current_wal_insert_lsn();
                    end if;
                end case;
              end loop;
              if not keep then
                raise sqlstate 'MAKO0';
              end if;
              outcome := coalesce(denied, json_build_object('rows', answers));
            exception
              when sqlstate 'MAKO0' then
                outcome := coalesce(denied, json_build_object('rows', answers));
              when query_canceled then
                late := true;
                -- Time is counted from the first script on; a later one gets all of it in the next batch.
                exit when done > 0;
                outcome := json_build_object('code', sqlstate, 'message', sqlerrm);
              when others or assert_failure then
                get stacked diagnostics code = returned_sqlstate, message = message_text, broken = constraint_name;
                outcome := json_build_object('code', code, 'message', message, 'constraint', broken);
            end;
            outcomes := outcomes || outcome;
            done := done + 1;
            next := next + 1;
            exit when late;
          end loop;
          if not keep then
            raise sqlstate 'MAKO0';
          end if;
        exception
          when sqlstate 'MAKO0' then
            null;
        end;
      end loop;
      if not keep then
        raise sqlstate 'MAKO0';
      end if;
    exception
      when sqlstate 'MAKO0' then
        null;
      when others or query_canceled or assert_failure then
        get stacked diagnostics code = returned_sqlstate, message = message_text;
        late := code = '57014';
        exit when late and done > 0;
        outcomes := '{}';
        refused := json_build_object('code', code, 'message', message);
    end;
    results := results || json_build_object('refused', refused, 'outcomes', outcomes);
  end loop;
  for n in 1 .. cardinality(prepared) loop
    if prepared[n] then
      execute 'deallocate ' || prefix || (n - 1);
    end if;
  end loop;
  spare := set_config('mako.outcomes', array_to_json(results)::text, true);
end
$mako$
