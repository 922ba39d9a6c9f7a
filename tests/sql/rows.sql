-- {rows} rows in every tenant table for the user {user}, as the superuser; texts are the user's, to be told apart
insert into public.users (id, email, password, business_name) values ('{user}', '{email}', '!', 'Business of {email}');
insert into public.leads (user_id, name, phone, status, source, summary, created_at)
select '{user}', 'Lead ' || n || ' of {email}', '+1555000' || lpad(n::text, 4, '0'), 'new', 'Voice', 'summary of {email}',
  now() - n * interval '1 day'
from generate_series(1, {rows}) n;
insert into public.contacts (user_id, first_name, last_name, email, phone)
select '{user}', 'Contact', n || ' of {email}', n || '.{email}', '+1555001' || lpad(n::text, 4, '0')
from generate_series(1, {rows}) n;
insert into public.call_logs (user_id, phone, duration, summary)
select '{user}', '+1555002' || lpad(n::text, 4, '0'), 60 * n, 'call of {email}'
from generate_series(1, {rows}) n;
insert into public.automation_logs (user_id, action_type, status, details)
select '{user}', 'sms', 'completed', 'details of {email}'
from generate_series(1, {rows}) n;
insert into public.api_keys (user_id, service_name, encrypted_key)
select '{user}', (array['vapi', 'twilio', 'make'])[n], 'sealed for {email}'
from generate_series(1, {rows}) n;
insert into public.webhook_events (user_id, source, scope, dedupe_key, event_type, payload)
select '{user}', 'twilio', 'platform', n || ' of {email}', 'sms', '{}'
from generate_series(1, {rows}) n;
insert into public.user_phone_numbers (user_id, phone, provider, label)
select '{user}', '+1555003' || lpad(n::text, 4, '0'), 'twilio', 'number of {email}'
from generate_series(1, {rows}) n;
insert into public.webhook_endpoints (user_id, source)
select '{user}', (array['vapi', 'twilio', 'make'])[n]
from generate_series(1, {rows}) n;
insert into mako.access_tokens (user_id, name, scopes, token_hash, expires_at)
select '{user}', 'Token ' || n || ' of {email}', '{leads:read}', 'hash ' || n || ' of {email}', now() + interval '30 days'
from generate_series(1, {rows}) n;
insert into mako.oauth_states (user_id, service_name, id, expires_at)
select '{user}', (array['hubspot', 'zoho', 'monday'])[n], 'state ' || n || ' of {email}', now() + interval '10 minutes'
from generate_series(1, {rows}) n;
insert into mako.key_uses (user_id, created_at, service, method, host, path, status, duration_ms, bytes_out, bytes_in, service_token)
select '{user}', now() - n * interval '1 day', 'vapi', 'GET', 'api.vapi.ai', '/call/of/{email}', 200, 100, 0, 10, false
from generate_series(1, {rows}) n;
insert into mako.event_subscriptions (user_id, id, url, sealed_secret)
select '{user}', gen_random_uuid()::text, 'https://example.com/' || n || '/{email}', 'sealed for {email}'
from generate_series(1, {rows}) n;
insert into mako.event_deliveries (user_id, subscription_id, event_type, row_id, status, finished_at)
select '{user}', id, 'lead.created', 'a row of {email}', 'delivered', now()
from mako.event_subscriptions where user_id = '{user}';
insert into mako.event_attempts (user_id, delivery_id, attempted_at, duration_ms, response_start)
select '{user}', id, now(), 10, 'answer to {email}'
from mako.event_deliveries where user_id = '{user}';
insert into mako.idempotency_keys (user_id, resource, key, row_id)
select '{user}', 'leads', 'key ' || n, 'a row of {email}'
from generate_series(1, {rows}) n;
insert into mako.contact_imports (user_id, import_id, contact_id, digest)
select '{user}', 'import ' || row_number() over (), id, 'digest of {email}'
from public.contacts where user_id = '{user}';
insert into mako.provider_objects (user_id, kind, provider_id, row_id)
select '{user}', 'call', 'CA' || n, 'a row of {email}'
from generate_series(1, {rows}) n;
