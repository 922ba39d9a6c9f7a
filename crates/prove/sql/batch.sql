-- Runs the scripts in `mako.work`, each in a subtransaction of its own, and leaves what came of them in `mako.outcomes`.
-- What is refused is caught here: the server logs none of it, and nothing has to be sent again.
do $mako$
declare
  work constant jsonb := current_setting('mako.work')::jsonb;
  keep constant boolean := work -> 'keep';
  settings constant jsonb := work -> 'settings';
  watched constant oid[] := array(select jsonb_array_elements_text(work -> 'watched')::oid);
  scripts constant jsonb[] := array(select jsonb_array_elements(work -> 'scripts'));
  enough constant timestamptz := clock_timestamp() + interval '500 ms';
  outcomes json[] := '{}';
  outcome json;
  refused json;
  script jsonb;
  step jsonb;
  answer record;
  answers text[];
  many bigint;
  before bigint;
  code text;
  message text;
  broken text;
  spare text;
begin
  begin
    if work ->> 'fence' <> '' then
      execute work ->> 'fence';
    end if;
    -- Under the attackers' path from the start: whenever the path changes, the statements here are planned anew.
    if work ->> 'path' <> '' then
      spare := set_config('search_path', work ->> 'path', true);
    end if;
    foreach script in array scripts loop
      exit when clock_timestamp() > enough;
      answers := '{}';
      begin
        for n in 0 .. jsonb_array_length(script) - 1 loop
          step := script -> n;
          case step ->> 0
            when 'be' then
              for m in 0 .. jsonb_array_length(settings -> (step ->> 1)::int) - 1 loop
                spare := set_config(settings -> (step ->> 1)::int -> m ->> 0, settings -> (step ->> 1)::int -> m ->> 1, true);
              end loop;
            when 'do' then
              execute step ->> 1;
            when 'ask' then
              execute step ->> 1 into answer;
              get diagnostics many = row_count;
              if many > 0 then
                answers := answers || answer::text;
              end if;
          end case;
        end loop;
        if not keep then
          raise sqlstate 'MAKO0';
        end if;
        outcome := json_build_object('rows', answers);
      exception
        when sqlstate 'MAKO0' then
          outcome := json_build_object('rows', answers);
        when query_canceled then
          -- Time is counted from the first script on; a later one gets all of it in a batch of its own.
          if cardinality(outcomes) = 0 then
            outcomes := outcomes || json_build_object('code', sqlstate, 'message', sqlerrm);
          end if;
          exit;
        when others or assert_failure then
          get stacked diagnostics code = returned_sqlstate, message = message_text, broken = constraint_name;
          outcome := json_build_object('code', code, 'message', message, 'constraint', broken);
      end;
      outcomes := outcomes || outcome;
    end loop;
    if not keep then
      raise sqlstate 'MAKO0';
    end if;
  exception
    when sqlstate 'MAKO0' then
      null;
    when others or query_canceled or assert_failure then
      get stacked diagnostics code = returned_sqlstate, message = message_text;
      outcomes := '{}';
      refused := json_build_object('code', code, 'message', message);
  end;
  spare := set_config('mako.outcomes', json_build_object('refused', refused, 'outcomes', outcomes)::text, true);
end
$mako$
