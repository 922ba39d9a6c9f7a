-- What a database needs before Citus may spread its rows (`mako migrate --distributed`). Idempotent; plain tables work with it.
begin;
set local lock_timeout = '5s';
set local search_path = '';

-- Citus dials its nodes as the role that a statement runs as. Without a password: by what their pg_hba.conf says of each other.
-- A generic plan is made before it is known whose shard is meant, so that sessions from now on have none.
do $$
declare
  role regrole;
begin
  for role in select oid from pg_catalog.pg_roles where rolname in ('authenticated', 'mako_definer') and not rolcanlogin loop
    execute pg_catalog.format('alter role %s login', role);
  end loop;
  if not exists (
    select from pg_catalog.pg_db_role_setting
    where setrole = 'mako'::regrole and 'plan_cache_mode=auto' = any (setconfig)
      and setdatabase = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  ) then
    execute pg_catalog.format('alter role mako in database %I set plan_cache_mode = auto', pg_catalog.current_database());
  end if;
end $$;

-- The ids of users, on every node: rows that lie there refer to them. Of users themselves nothing leaves the coordinator.
create table if not exists mako.tenants (id text primary key);
comment on table mako.tenants is 'Ids of the users, as every node of a Citus cluster has them: distributed rows refer to them';
comment on column mako.tenants.id is 'The user''s id';

do $$
begin
  -- Once it is a reference table Citus knows it so already.
  if not (select relrowsecurity from pg_catalog.pg_class where oid = 'mako.tenants'::regclass) then
    alter table mako.tenants enable row level security, force row level security;
    revoke all on mako.tenants from public, anon, authenticated, service_role;
    grant select, insert, delete on mako.tenants to mako_definer;
    create policy definer_keeps on mako.tenants for all to mako_definer using (true) with check (true);
  end if;
end $$;

grant create on schema mako to mako_definer; -- for the moment that an owner needs it

create or replace function mako.keep_tenants() returns trigger
language plpgsql volatile security definer
set search_path = ''
set row_security = on
as $$
begin
  if tg_op <> 'INSERT' then
    delete from mako.tenants t where t.id = old.id;
  end if;
  if tg_op <> 'DELETE' then
    insert into mako.tenants (id) values (new.id) on conflict (id) do nothing;
  end if;
  return null;
end $$;
comment on function mako.keep_tenants() is 'Keeps mako.tenants what public.users says, in the same transaction';
alter function mako.keep_tenants() owner to mako_definer;
revoke all on function mako.keep_tenants() from public, anon, authenticated, service_role;

revoke create on schema mako from mako_definer;

create or replace trigger keep_tenants_inserted after insert or delete on public.users
  for each row execute function mako.keep_tenants();
create or replace trigger keep_tenants_updated after update of id on public.users
  for each row when (new.id is distinct from old.id) execute function mako.keep_tenants();
insert into mako.tenants (id)
select u.id from public.users u where not exists (select from mako.tenants t where t.id = u.id);

-- Citus passes SET LOCAL on to workers, and no set_config(). Claims must come one way only: a transaction in which both set
-- them has been seen to show rows of another.
create or replace function mako.forward_claims(p_claims text) returns void
language plpgsql volatile
set search_path = ''
set citus.propagate_set_commands = 'local'
as $$
begin
  execute pg_catalog.format('set local "request.jwt.claims" = %L', p_claims);
end $$;
comment on function mako.forward_claims(text) is 'Sets the claims of this transaction, here and on the workers that it reaches';
revoke all on function mako.forward_claims(text) from public, anon, authenticated, service_role;
grant execute on function mako.forward_claims(text) to mako;

-- What Citus doesn't send to one shard as one statement: inserts that look at another table first. One after the other they
-- go to the shard that has all of a tenant's rows. Each stands for the file of its name below sql/queries.
create or replace function mako.add_lead(
  p_user text, p_name text, p_phone text, p_status text, p_source text, p_summary text, p_ai_summary text, p_sentiment text,
  p_key text
) returns table (id text, name text, phone text, status text, source text, summary text, ai_summary text, sentiment text,
  created_at timestamptz, updated_at timestamptz, new boolean)
language plpgsql volatile
set search_path = ''
as $$
declare
  made constant text := mako.row_of_key(p_user, 'leads', p_key);
  lead public.leads;
begin
  if made is null then
    insert into public.leads (user_id, name, phone, status, source, summary, ai_summary, sentiment)
    values (p_user, p_name, p_phone, p_status, p_source, p_summary, p_ai_summary, p_sentiment)
    returning * into lead;
    perform mako.keep_key(p_user, 'leads', p_key, lead.id);
  else
    select * into lead from public.leads r where r.user_id = p_user and r.id = made;
    if not found then
      return;
    end if;
  end if;
  return query select lead.id, lead.name, lead.phone, lead.status, lead.source, lead.summary, lead.ai_summary,
    lead.sentiment, lead.created_at, lead.updated_at, made is null;
end $$;

create or replace function mako.add_contact(
  p_user text, p_first_name text, p_last_name text, p_email text, p_phone text, p_company text, p_job_position text,
  p_status text, p_notes text, p_plan text, p_appointment_date timestamptz, p_business_name text, p_business_position text,
  p_key text
) returns table (id text, first_name text, last_name text, email text, phone text, company text, job_position text,
  status text, notes text, plan text, appointment_date timestamptz, business_name text, business_position text,
  created_at timestamptz, updated_at timestamptz, new boolean)
language plpgsql volatile
set search_path = ''
as $$
declare
  made constant text := mako.row_of_key(p_user, 'contacts', p_key);
  contact public.contacts;
begin
  if made is null then
    insert into public.contacts (user_id, first_name, last_name, email, phone, company, job_position, status, notes, plan,
      appointment_date, business_name, business_position)
    values (p_user, p_first_name, p_last_name, p_email, p_phone, p_company, p_job_position, coalesce(p_status, 'active'),
      p_notes, p_plan, p_appointment_date, p_business_name, p_business_position)
    returning * into contact;
    perform mako.keep_key(p_user, 'contacts', p_key, contact.id);
  else
    select * into contact from public.contacts r where r.user_id = p_user and r.id = made;
    if not found then
      return;
    end if;
  end if;
  return query select contact.id, contact.first_name, contact.last_name, contact.email, contact.phone,
    contact.company, contact.job_position, contact.status, contact.notes, contact.plan, contact.appointment_date,
    contact.business_name, contact.business_position, contact.created_at, contact.updated_at, made is null;
end $$;

create or replace function mako.add_call_log(
  p_user text, p_phone text, p_recording_url text, p_duration int, p_sentiment text, p_summary text, p_key text
) returns table (id text, phone text, recording_url text, duration int, sentiment text, summary text,
  created_at timestamptz, updated_at timestamptz, new boolean)
language plpgsql volatile
set search_path = ''
as $$
declare
  made constant text := mako.row_of_key(p_user, 'call_logs', p_key);
  call public.call_logs;
begin
  if made is null then
    insert into public.call_logs (user_id, phone, recording_url, duration, sentiment, summary)
    values (p_user, p_phone, p_recording_url, p_duration, p_sentiment, p_summary)
    returning * into call;
    perform mako.keep_key(p_user, 'call_logs', p_key, call.id);
  else
    select * into call from public.call_logs r where r.user_id = p_user and r.id = made;
    if not found then
      return;
    end if;
  end if;
  return query select call.id, call.phone, call.recording_url, call.duration, call.sentiment, call.summary,
    call.created_at, call.updated_at, made is null;
end $$;

create or replace function mako.add_automation_log(
  p_user text, p_action_type text, p_status text, p_details text, p_key text
) returns table (id text, action_type text, status text, details text, created_at timestamptz, updated_at timestamptz,
  new boolean)
language plpgsql volatile
set search_path = ''
as $$
declare
  made constant text := mako.row_of_key(p_user, 'automation_logs', p_key);
  log public.automation_logs;
begin
  if made is null then
    insert into public.automation_logs (user_id, action_type, status, details)
    values (p_user, p_action_type, p_status, p_details)
    returning * into log;
    perform mako.keep_key(p_user, 'automation_logs', p_key, log.id);
  else
    select * into log from public.automation_logs r where r.user_id = p_user and r.id = made;
    if not found then
      return;
    end if;
  end if;
  return query select log.id, log.action_type, log.status, log.details, log.created_at, log.updated_at, made is null;
end $$;

create or replace function mako.claim_number(p_user text, p_phone text, p_provider text, p_label text, p_key text)
returns table (id text, phone text, provider text, label text, verified_at timestamptz, created_at timestamptz, new boolean)
language plpgsql volatile
set search_path = ''
as $$
declare
  made constant text := mako.row_of_key(p_user, 'phone_numbers', p_key);
  number public.user_phone_numbers;
begin
  if made is null then
    insert into public.user_phone_numbers (user_id, phone, provider, label)
    values (p_user, p_phone, p_provider, p_label)
    returning * into number;
    perform mako.keep_key(p_user, 'phone_numbers', p_key, number.id);
  else
    select * into number from public.user_phone_numbers r where r.user_id = p_user and r.id = made;
    if not found then
      return;
    end if;
  end if;
  return query select number.id, number.phone, number.provider, number.label, number.verified_at, number.created_at,
    made is null;
end $$;

create or replace function mako.row_of_key(p_user text, p_resource text, p_key text) returns text
language plpgsql stable
set search_path = ''
as $$
begin
  return case when p_key is not null then (
    select k.row_id from mako.idempotency_keys k where k.user_id = p_user and k.resource = p_resource and k.key = p_key
  ) end;
end $$;

create or replace function mako.keep_key(p_user text, p_resource text, p_key text, p_row text) returns void
language plpgsql volatile
set search_path = ''
as $$
begin
  if p_key is not null then
    insert into mako.idempotency_keys (user_id, resource, key, row_id) values (p_user, p_resource, p_key, p_row);
  end if;
end $$;

create or replace function mako.import_contacts(p_user text, p_people jsonb)
returns table (id text, first_name text, last_name text, email text, phone text, company text)
language plpgsql volatile
set search_path = ''
as $$
#variable_conflict use_column
declare
  person record;
begin
  for person in
    select * from jsonb_to_recordset(p_people) as person (
      first_name text, last_name text, email text, phone text, company text, job_position text, status text, notes text,
      plan text, appointment_date timestamptz, business_name text, business_position text
    )
  loop
    return query
      insert into public.contacts (user_id, first_name, last_name, email, phone, company, job_position, status, notes, plan,
        appointment_date, business_name, business_position)
      values (p_user, person.first_name, person.last_name, person.email, person.phone, person.company, person.job_position,
        coalesce(person.status, 'active'), person.notes, person.plan, person.appointment_date, person.business_name,
        person.business_position)
      returning id, first_name, last_name, email, phone, company;
  end loop;
end $$;

create or replace function mako.remember_imports(p_user text, p_imports text[], p_contacts text[], p_digests text[])
returns void
language plpgsql volatile
set search_path = ''
as $$
declare
  imported record;
  at constant timestamptz := now();
begin
  for imported in select * from unnest(p_imports, p_contacts, p_digests) as imported (import_id, contact_id, digest) loop
    insert into mako.contact_imports (user_id, import_id, contact_id, digest)
    values (p_user, imported.import_id, imported.contact_id, imported.digest)
    on conflict (user_id, import_id, contact_id) do update set digest = excluded.digest, imported_at = at;
  end loop;
end $$;

create or replace function mako.note_call(
  p_user text, p_names text[], p_phone text, p_recording_url text, p_duration int, p_sentiment text, p_summary text,
  p_arrived_at timestamptz
) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
  name text;
  call text := (
    select o.row_id from mako.provider_objects o
    where o.user_id = p_user and o.kind = 'call' and o.provider_id = any (p_names)
    limit 1
  );
begin
  if call is null then
    insert into public.call_logs (user_id, phone, recording_url, duration, sentiment, summary, created_at, updated_at)
    values (p_user, p_phone, p_recording_url, p_duration, p_sentiment, p_summary, p_arrived_at, p_arrived_at)
    returning id into call;
  else
    update public.call_logs
    set phone = coalesce(phone, p_phone)
      , recording_url = case when updated_at <= p_arrived_at then coalesce(p_recording_url, recording_url)
          else coalesce(recording_url, p_recording_url) end
      , duration = case when updated_at <= p_arrived_at then coalesce(p_duration, duration) else coalesce(duration, p_duration) end
      , sentiment = case when updated_at <= p_arrived_at then coalesce(p_sentiment, sentiment)
          else coalesce(sentiment, p_sentiment) end
      , summary = case when updated_at <= p_arrived_at then coalesce(p_summary, summary) else coalesce(summary, p_summary) end
      , updated_at = greatest(updated_at, p_arrived_at)
    where user_id = p_user and id = call;
  end if;
  foreach name in array p_names loop
    insert into mako.provider_objects (user_id, kind, provider_id, row_id) values (p_user, 'call', name, call)
    on conflict (user_id, kind, provider_id) do nothing;
  end loop;
end $$;

create or replace function mako.note_log(
  p_user text, p_kind text, p_provider_id text, p_action_type text, p_status text, p_details text, p_rank smallint,
  p_arrived_at timestamptz
) returns void
language plpgsql volatile
set search_path = ''
as $$
declare
  log text;
  known_rank smallint;
begin
  select o.row_id, o.rank into log, known_rank from mako.provider_objects o
  where o.user_id = p_user and o.kind = p_kind and o.provider_id = p_provider_id;
  if log is null then
    insert into public.automation_logs (user_id, action_type, status, details, created_at, updated_at)
    values (p_user, p_action_type, p_status, p_details, p_arrived_at, p_arrived_at)
    returning id into log;
  elsif known_rank < p_rank then
    update public.automation_logs
    set status = p_status, details = p_details, updated_at = greatest(updated_at, p_arrived_at)
    where user_id = p_user and id = log;
  end if;
  insert into mako.provider_objects as o (user_id, kind, provider_id, row_id, rank)
  values (p_user, p_kind, p_provider_id, log, p_rank)
  on conflict (user_id, kind, provider_id) do update set rank = greatest(o.rank, excluded.rank);
end $$;

-- They run as whoever calls them, under the same policies as everybody's statements.
do $$
declare
  function record;
begin
  for function in
    select oid::regprocedure as signature, proname from pg_catalog.pg_proc
    where pronamespace = 'mako'::regnamespace and proname in ('add_lead', 'add_contact', 'add_call_log', 'add_automation_log',
      'claim_number', 'row_of_key', 'keep_key', 'import_contacts', 'remember_imports', 'note_call', 'note_log')
  loop
    execute pg_catalog.format('revoke all on function %s from public, anon, authenticated, service_role', function.signature);
    execute pg_catalog.format('grant execute on function %s to authenticated', function.signature);
  end loop;
end $$;

commit;
