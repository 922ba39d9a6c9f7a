-- Once all rows lie on the coordinator again: what only a distributed database needs. The services' sessions end with it.
begin;
set local lock_timeout = '5s';

drop trigger if exists keep_tenants_inserted on public.users;
drop trigger if exists keep_tenants_updated on public.users;
drop function if exists mako.keep_tenants();
drop table if exists mako.tenants;
alter table mako.event_subscriptions drop constraint if exists no_events_from_distributed_tables;

do $$
declare
  function regprocedure;
begin
  for function in
    select oid from pg_catalog.pg_proc
    where pronamespace = 'mako'::regnamespace and proname in ('add_lead', 'add_contact', 'add_call_log', 'add_automation_log',
      'claim_number', 'row_of_key', 'keep_key', 'import_contacts', 'remember_imports', 'note_call', 'note_log', 'forward_claims')
  loop
    execute format('drop function %s', function);
  end loop;
end $$;

commit;
