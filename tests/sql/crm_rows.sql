-- {rows} rows in each table of the CRM before multi-tenancy; alice, bob and ten others are its users
insert into users (id, email, password) values
  ('a11ce000-0000-4000-8000-000000000001', 'alice@example.com', 'bcrypt'),
  ('b0b00000-0000-4000-8000-000000000002', 'bob@example.com', 'bcrypt');
insert into users (id, email, password) select 'user-' || n, n || '@example.com', 'bcrypt' from generate_series(1, 10) n;
insert into leads (name, phone, status, source, summary, created_at, updated_at)
select 'Lead ' || n, '+1555' || lpad(n::text, 7, '0'), 'new', 'Voice', repeat('summary ', n % 20), t, t
from generate_series(1, {rows}) n, lateral (select now() - n * interval '1 minute') made(t);
insert into call_logs (phone, duration, sentiment, summary, created_at, updated_at)
select '+1555' || lpad(n::text, 7, '0'), n % 600, 'neutral', 'call ' || n, t, t
from generate_series(1, {rows}) n, lateral (select now() - n * interval '1 minute') made(t);
insert into automation_logs (action_type, status, details, created_at, updated_at)
select 'sms', 'completed', '{"n":' || n || '}', t, t
from generate_series(1, {rows}) n, lateral (select now() - n * interval '1 minute') made(t);
