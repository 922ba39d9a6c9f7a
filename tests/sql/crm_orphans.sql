-- {rows} rows in the tables that the CRM's migration made, as far as it came; then every twentieth row that may becomes
-- an orphan: without a user, with an empty one, with garbage, with one that only auth.users knows
do $$
declare
  relation text;
  orphan text;
begin
  if to_regclass('contacts') is not null then
    insert into contacts (user_id, first_name, phone)
    select 'user-' || 1 + n % 10, 'Contact ' || n, '+1555' || lpad(n::text, 7, '0') from generate_series(1, {rows}) n;
  end if;
  if to_regclass('api_keys') is not null then
    insert into api_keys (user_id, service_name, encrypted_key)
    select u.id, s, 'iv:tag:ciphertext' from users u, unnest(array['vapi', 'twilio', 'make', 'zoho', 'monday']) s;
  end if;
  if to_regclass('webhook_events') is not null then
    insert into webhook_events (source, user_id, event_type, payload)
    select 'twilio', case when n % 3 > 0 then 'user-' || 1 + n % 10 end, 'sms', '{}' from generate_series(1, {rows}) n;
  end if;
  foreach relation in array array['leads', 'call_logs', 'automation_logs', 'contacts', 'api_keys', 'webhook_events'] loop
    foreach orphan in array array[null, '', 'undefined', '9057a000-0000-4000-8000-000000000009'] loop
      begin
        execute format('
          update %1$I set user_id = %2$L
          where id in (select id from (select id, row_number() over (order by id) as n from %1$I) r where n %% 80 = %3$s)',
          relation, orphan, coalesce(20 + length(orphan), 0));
      exception when not_null_violation or foreign_key_violation or undefined_column or undefined_table then
        null; -- the migration came too far, or not far enough
      end;
    end loop;
  end loop;
end $$;
